/** Composition root: from the configuration to what the commands work with. Imported on first use. */
import type { Loaded } from "./config/load.ts";

export interface App {
  readonly loaded: Loaded;
}

export async function openApp(loaded: Loaded): Promise<App> {
  return { loaded };
}
