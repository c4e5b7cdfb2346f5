/** The status of this machine's fleet and of those on all hosts, asked side by side. */
import * as z from "zod/mini";
import type { Hosts } from "../hosts/hosts.ts";
import { states } from "../model/attempt.ts";
import { FleetError } from "../model/errors.ts";
import type { Host } from "../model/host.ts";
import { printable } from "../model/text.ts";
import type { WorkerView } from "./snapshot.ts";

export interface HostStatus {
  /** Null: this machine. */
  readonly host: string | null;
  readonly root: string | null;
  readonly workers: readonly WorkerView[];
  /** Why there is no answer. */
  readonly error: string | null;
}

/** So long a machine may take; one that is switched off does not keep the others waiting for longer. */
const answerMs = 10_000;

const count = z.number().check(z.nonnegative());
const task = z.looseObject({
  repo: z.string(),
  issue: z.nullable(z.number()),
  title: z.nullable(z.string()),
  elapsedMs: z.nullable(z.number()),
});
const attempt = z.looseObject({
  step: z.nullable(z.string()),
  turns: count,
  tokens: z.object({ input: count, output: count, cacheRead: count, cacheWrite: count }),
  costUsd: z.nullable(z.number()),
  lastActivity: z.nullable(z.string()),
  parkedUntil: z.nullable(z.string()),
});
/** What is needed to show it; another version may say more. */
const answer = z.looseObject({
  root: z.string(),
  workers: z.array(
    z.looseObject({
      id: z.string(),
      state: z.enum(states),
      reason: z.nullable(z.string()),
      task: z.nullable(task),
      attempt: z.nullable(attempt),
    }),
  ),
});

/** This machine first, then the hosts by name. One that fails is part of the answer. */
export async function everywhere(
  hosts: Pick<Hosts, "list" | "ask">,
  here: { root: string; workers: readonly WorkerView[] },
): Promise<HostStatus[]> {
  const there = await Promise.all(hosts.list().map((host) => statusThere(hosts, host)));
  return [{ host: null, ...here, error: null }, ...there];
}

async function statusThere(hosts: Pick<Hosts, "ask">, host: Host): Promise<HostStatus> {
  const failed = (error: string) => ({ host: host.name, root: null, workers: [], error: printable(error, 500) });
  try {
    const { code, stdout, stderr } = await hosts.ask(host, ["status", "--json"], answerMs);
    if (code !== 0) return failed(`exit ${code}: ${stderr.trim() || "without a word"}`);
    const { root, workers } = answer.parse(JSON.parse(stdout));
    return { host: host.name, root, workers: workers as unknown as WorkerView[], error: null };
  } catch (error) {
    if (error instanceof FleetError) return failed(error.message);
    return failed("its answer is no status that this version can read");
  }
}
