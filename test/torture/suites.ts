/** The suites of `npm run torture`, in the order of the table. */
import { attemptsAlive } from "./attempts-alive.ts";
import { bounds } from "./bounds.ts";
import { crashSuites } from "./crash/suites.ts";
import { dispatchRaces } from "./dispatch-races.ts";
import { fullSize } from "./full-size.ts";
import { github, githubAttempts } from "./github.ts";
import { guardsGone } from "./guards.ts";
import { hosts } from "./hosts.ts";
import { liveness } from "./liveness.ts";
import { races } from "./races.ts";
import { records } from "./records.ts";
import { recordsCli } from "./records-cli.ts";
import type { Suite } from "./suite.ts";
import { trees } from "./trees.ts";

export const suites: readonly Suite[] = [
  records,
  recordsCli,
  races,
  dispatchRaces,
  hosts,
  github,
  githubAttempts,
  liveness,
  attemptsAlive,
  trees,
  bounds,
  fullSize,
  ...crashSuites,
  guardsGone,
];
