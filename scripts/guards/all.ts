/** Every guard whose absence a test must notice; by subject in the files beside this one. */
import { claimGuards } from "./claims.ts";
import { credentialGuards } from "./credentials.ts";
import { fileGuards } from "./files.ts";
import type { Guard } from "./guard.ts";
import { isolationGuards } from "./isolation.ts";
import { networkGuards } from "./network.ts";
import { processGuards } from "./processes.ts";
import { publishGuards } from "./publish.ts";
import { recordGuards } from "./records.ts";
import { resourceGuards } from "./resources.ts";
import { trustGuards } from "./trust.ts";
import { waitGuards } from "./waits.ts";
import { wallGuards } from "./walls.ts";
import { wordGuards } from "./words.ts";

export const guards: readonly Guard[] = [
  ...claimGuards,
  ...credentialGuards,
  ...fileGuards,
  ...isolationGuards,
  ...networkGuards,
  ...processGuards,
  ...publishGuards,
  ...recordGuards,
  ...resourceGuards,
  ...trustGuards,
  ...waitGuards,
  ...wallGuards,
  ...wordGuards,
];
