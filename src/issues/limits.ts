/**
 * While GitHub has said "not before": nobody with that token asks again. The throttling plugin waits for one request alone;
 * the next one, and the undoing of what failed, would be sent into the limit, and GitHub punishes those who go on.
 */
import { uptimeMs } from "../system/clock.ts";

interface Limited {
  readonly untilMs: number;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** By whose limit it is: a process makes several clients of one token. */
const limits = new Map<string, Limited>();

/** @returns the answer that named the time, with what is left of it; null when there is nothing to wait for */
export function limitedNow(whose: string): Response | null {
  const limited = limits.get(whose);
  if (limited === undefined) return null;
  const leftMs = limited.untilMs - uptimeMs();
  if (leftMs <= 0) {
    limits.delete(whose);
    return null;
  }
  const headers = new Headers(limited.headers);
  headers.set("retry-after", String(Math.ceil(leftMs / 1000)));
  return new Response(limited.text, { status: limited.status, headers });
}

export async function noteLimit(whose: string, response: Response): Promise<void> {
  const seconds = Number(response.headers.get("retry-after"));
  if ((response.status !== 403 && response.status !== 429) || !(seconds > 0)) return;
  const { status, headers } = response;
  limits.set(whose, { untilMs: uptimeMs() + seconds * 1000, status, headers, text: await response.clone().text() });
}
