/** Hosts for people. */
import type { Host } from "../model/host.ts";
import { printable } from "../model/text.ts";
import { type Shown, statusLines } from "./status.ts";
import { table } from "./table.ts";

export function hostLines(hosts: readonly Host[]): string[] {
  if (hosts.length === 0) return ["no hosts (cw hosts add vps user@machine)"];
  const rows = hosts.map(({ name, address, port, command }) => [name, address, String(port ?? "-"), command]);
  return table([["HOST", "ADDRESS", "PORT", "COMMAND"], ...rows], 400);
}

interface Answer {
  readonly host: string | null;
  readonly root: string | null;
  readonly workers: readonly Shown[];
  readonly error: string | null;
}

export function everywhereLines(answers: readonly Answer[], columns: number): string[] {
  return answers.flatMap(({ host, root, workers, error }, at) => [
    ...(at > 0 ? [""] : []),
    `${host ?? "this machine"}: ${printable(error === null ? (root ?? "") : `no answer: ${error}`)}`,
    ...(error === null ? statusLines(root ?? "", workers, columns) : []),
  ]);
}
