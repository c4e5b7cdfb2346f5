import { printable } from "./text.ts";

/** Below these GitHub finds what it runs by itself; also the folder alone, which may be a link. */
const runs = /^\.github(?:$|\/(?:workflows|actions)(?:$|\/))/;

/** Whether GitHub Actions runs what stands there: on any file system, so in any case, and with invisible characters in it. */
export function isWorkflow(path: string): boolean {
  const name = printable(path).normalize("NFKC").toLowerCase();
  return runs.test(name.replace(/[. ]+(?=\/|$)/g, ""));
}
