/** Which isolation an attempt gets: a pure decision from the setting and from what the probes found. */
import { FleetError } from "../model/errors.ts";
import type { IsolationFacts } from "./probe.ts";

export const isolationSettings = ["auto", "bubblewrap", "settings", "none"] as const;
export type IsolationSetting = (typeof isolationSettings)[number];

export interface Choice {
  readonly isolation: "bubblewrap" | "settings" | "none";
  /** Whether Claude's own sandbox is to be used for its shell. */
  readonly innerSandbox: boolean;
  /** What the operator should know, a sentence each. */
  readonly remarks: readonly string[];
}

/** @throws FleetError `environment` with the reason and what mends it; `auto` never ends as `none`. */
export function chooseIsolation(setting: IsolationSetting, facts: IsolationFacts): Choice {
  if (setting === "none") return { isolation: "none", innerSandbox: false, remarks: [] };
  if (facts.bubblewrap.works) return { isolation: "bubblewrap", innerSandbox: facts.nested.works, remarks: [] };
  throw new FleetError("environment", "no isolation");
}
