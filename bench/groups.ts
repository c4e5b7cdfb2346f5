/** What is measured, group by group; each writes one table of docs/performance.md. */
import type { Row } from "./measure.ts";
import type { Stage } from "./stage.ts";

export interface Group {
  /** A sentence above its table. */
  readonly about: string;
  run(stage: Stage): Promise<Row[]>;
}

export const groups: Readonly<Record<string, () => Promise<{ readonly group: Group }>>> = {
  start: () => import("./start.ts"),
  status: () => import("./status.ts"),
  dispatch: () => import("./dispatch.ts"),
  assign: () => import("./assign.ts"),
  history: () => import("./history.ts"),
  logs: () => import("./logs.ts"),
  supervisor: () => import("./supervisor.ts"),
  isolation: () => import("./isolation.ts"),
  lines: () => import("./lines.ts"),
};
