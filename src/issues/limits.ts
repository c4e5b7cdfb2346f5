/**
 * GitHub's limits, obeyed by this process as a whole: while it has said "not before", nobody with that token asks, whatever
 * failed and is undone; and only some ask at once. Times are told on the clock of the boot: a wall clock that is set back
 * must not make a night's work wait for it.
 */
import { sleep, uptimeMs } from "../system/clock.ts";

const atOnce = 10;
/** How often one request waits before the limit is an error. */
const mostWaits = 2;

/** What the clients of one token have in common. */
class Quota {
  private free = atOnce;
  private readonly waiting: (() => void)[] = [];
  private limit: { untilMs: number; status: number; headers: Headers; text: string } | null = null;

  /** So many at once; the others come in their order. */
  async inTurn(send: () => Promise<Response>): Promise<Response> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((go) => this.waiting.push(go));
    try {
      const response = this.limited() ?? (await send());
      await this.note(response);
      return response;
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free++;
    }
  }

  /** The answer that named a time, with what is left of it; null when there is nothing to wait for. */
  private limited(): Response | null {
    if (this.limit === null) return null;
    const leftMs = this.limit.untilMs - uptimeMs();
    if (leftMs <= 0) {
      this.limit = null;
      return null;
    }
    const headers = new Headers(this.limit.headers);
    headers.set("retry-after", String(Math.ceil(leftMs / 1000)));
    return new Response(this.limit.text, { status: this.limit.status, headers });
  }

  private async note(response: Response): Promise<void> {
    const { status, headers } = response;
    const seconds = Number(headers.get("retry-after"));
    if (this.limit !== null || (status !== 403 && status !== 429) || !(seconds > 0)) return;
    this.limit = { untilMs: uptimeMs() + seconds * 1000, status, headers, text: await response.clone().text() };
  }
}

/** By token: a process makes several clients of one. */
const quotas = new Map<string, Quota>();

/**
 * @param whose a name for the token
 * @param longestWaitMs what takes longer is an answer
 * @returns what GitHub answers, or has answered to somebody who met the same limit
 */
export async function obeying(whose: string, longestWaitMs: number, send: () => Promise<Response>): Promise<Response> {
  const quota = quotas.get(whose) ?? new Quota();
  quotas.set(whose, quota);
  for (let waits = 0; ; waits++) {
    const response = await quota.inTurn(send);
    const waitMs = await waitOf(response);
    if (waitMs === null || waitMs > longestWaitMs || waits >= mostWaits) return response;
    await sleep(waitMs);
  }
}

/** Ms until GitHub wants to be asked again; null where that is not what it says. */
async function waitOf(response: Response): Promise<number | null> {
  const { status, headers } = response;
  if (status !== 403 && status !== 429) return null;
  const after = Number(headers.get("retry-after"));
  if (after > 0) return after * 1000;
  // By GitHub's own clock: its date, not ours.
  if (headers.get("x-ratelimit-remaining") === "0")
    return Math.max(0, Number(headers.get("x-ratelimit-reset")) * 1000 - Date.parse(headers.get("date") ?? "")) + 1000;
  return /secondary rate limit/i.test(await response.clone().text()) ? 60_000 : null;
}
