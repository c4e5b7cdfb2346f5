/** Figures of an attempt for people. */
import type { End } from "../model/attempt.ts";
import { harmless } from "./posted-text.ts";

type Shown = Pick<End, "turns" | "tokens" | "costUsd" | "commits" | "added" | "removed" | "files" | "denied" | "model">;

export function figuresTable(figures: Shown): string {
  const { tokens } = figures;
  const rows = [
    ["model", modelName(figures.model)],
    ["turns", String(figures.turns)],
    ["tokens in / out", `${count(tokens.input + tokens.cacheRead + tokens.cacheWrite)} / ${count(tokens.output)}`],
    ["cost", dollars(figures.costUsd)],
    ["commits", String(figures.commits)],
    [
      "lines",
      `+${figures.added} -${figures.removed} in ${figures.files.length} ${figures.files.length === 1 ? "file" : "files"}`,
    ],
    ...(figures.denied ? [["refused connections", String(figures.denied)]] : []),
  ];
  return ["| | |", "|---|---|", ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join("\n");
}

/** An agent can forge what it is said to run on: nothing that breaks the table or calls people. */
function modelName(model: string): string {
  return harmless(model.slice(0, 100).replace(/[^\w.:[\]/@-]/g, "?"));
}

export function count(value: number): string {
  if (value < 10_000) return String(value);
  return value < 1_000_000 ? `${Math.round(value / 1000)}k` : `${(value / 1_000_000).toFixed(1)}M`;
}

export function dollars(value: number | null): string {
  return value === null ? "-" : `$${value.toFixed(value < 0.1 ? 4 : 2)}`;
}

/** `45s`, `12m 05s`, `2h 03m` */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${String(seconds % 60).padStart(2, "0")}s`;
  return `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, "0")}m`;
}
