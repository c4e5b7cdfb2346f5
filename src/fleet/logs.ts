/** The full output of an attempt's agent. */
import { statusOf } from "../model/attempt.ts";
import { FleetError } from "../model/errors.ts";
import { followLines } from "../store/journal.ts";
import { now } from "../system/clock.ts";
import { sizeOf } from "../system/files.ts";
import type { Fleet } from "./fleet.ts";

export interface LogsRequest {
  readonly worker: string;
  /** Number of the attempt; default the newest. */
  readonly n?: number | undefined;
  /** Goes on until the attempt ends. */
  readonly follow: boolean;
  /** Lines as the agent printed them. */
  readonly raw: boolean;
  /** What it wrote to standard error instead. */
  readonly stderr: boolean;
}

/** @throws FleetError `notFound` */
export async function* logs(fleet: Pick<Fleet, "store" | "agent">, request: LogsRequest): AsyncGenerator<string> {
  const { worker } = request;
  const { attempts, workers } = fleet.store;
  workers.need(worker);
  const n = request.n ?? attempts.newest(worker);
  const task = n === 0 ? null : attempts.task(worker, n);
  if (task === null)
    throw new FleetError(
      "notFound",
      n === 0 ? `worker ${worker} has had no task yet` : `worker ${worker} has no attempt ${n}`,
      { hint: `cw history ${worker}` },
    );
  const paths = attempts.at(worker, n);
  const file = request.stderr ? paths.stderr : paths.transcript;
  const over = () => {
    const { state } = statusOf(attempts.facts(worker, n), now());
    return state === "idle" || state === "crashed" || state === "unknown";
  };
  if (!request.follow && sizeOf(file) === 0) return;
  const reader = request.raw || request.stderr ? null : (await fleet.agent(task.agent)).reader();
  for await (const line of followLines(file, request.follow ? over : () => true)) {
    if (reader === null) yield line;
    else
      for (const signal of reader.read(line))
        if (signal.type === "activity") yield `${mark[signal.kind]} ${signal.text}`;
  }
}

const mark = { text: " ", tool: ">", result: "<" } as const;
