/** Which isolation an attempt gets: a pure decision from the setting and from what the probes found. */
import { FleetError } from "../model/errors.ts";
import type { Isolation } from "./isolation.ts";
import type { IsolationFacts } from "./probe.ts";
import { systemCallFilter } from "./seccomp.ts";

export type IsolationSetting = "auto" | Isolation["name"];

export interface Choice {
  readonly isolation: Isolation["name"];
  /** Whether Claude's own sandbox is to be used for its shell, inside the isolation. */
  readonly innerSandbox: boolean;
  /** What the operator should know, a sentence each. */
  readonly remarks: readonly string[];
}

const beside =
  "what takes the work out (git, in the clone that the agent wrote) runs without isolation, and no gates are run";
const install = "apt-get install bubblewrap socat ripgrep";

/**
 * `auto` is bubblewrap, else settings; it never ends as `none`.
 * @throws FleetError `environment` with the reason and what mends it
 */
export function chooseIsolation(setting: IsolationSetting, facts: IsolationFacts): Choice {
  const root = facts.root
    ? [
        "running as root: the agent is root too, though without capabilities, and reads what only root may in /usr and /opt; an ordinary user is safer",
      ]
    : [];
  if (setting === "none") {
    return {
      isolation: "none",
      innerSandbox: false,
      remarks: [
        "no isolation: the agent may read and change whatever its user may",
        ...(facts.root ? ["and that user is root"] : []),
      ],
    };
  }
  if (setting !== "settings" && facts.bubblewrap.works) {
    const alone = `bubblewrap alone, without Claude's own sandbox inside it: ${facts.nested.reason}`;
    const processor = facts.system?.processor ?? "";
    const unfiltered = `no filter of system calls for ${processor}: keyrings and sockets of virtual machines are open`;
    return {
      isolation: "bubblewrap",
      innerSandbox: facts.nested.works,
      remarks: [...(facts.nested.works ? [] : [alone]), ...(systemCallFilter(processor) ? [] : [unfiltered]), ...root],
    };
  }
  if (setting !== "bubblewrap" && facts.settings.works) {
    const weaker = `only Claude's own sandbox, which covers its shell and not its other tools: ${facts.bubblewrap.reason}`;
    return {
      isolation: "settings",
      innerSandbox: true,
      remarks: [...(setting === "auto" ? [weaker] : []), beside, ...root],
    };
  }
  const failed = setting === "settings" ? facts.settings : facts.bubblewrap;
  throw new FleetError("environment", `the agent can't be isolated: ${failed.reason}`, {
    hint: mending(failed.reason ?? ""),
  });
}

function mending(reason: string): string {
  if (/not installed/.test(reason)) return install;
  if (/namespace|uid map|Operation not permitted|Permission denied|No space left/i.test(reason)) {
    return "allow user namespaces: sysctl -w user.max_user_namespaces=15000; on Ubuntu also kernel.apparmor_restrict_unprivileged_userns=0";
  }
  return `${install}; cw doctor`;
}
