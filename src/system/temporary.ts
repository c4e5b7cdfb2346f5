/** Folders outside of any fleet, for as long as a command needs them. Named after their maker: what a killed one left goes with the next. */
import { lstatSync, mkdtempSync, readdirSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isoNow } from "./clock.ts";
import { discard } from "./files.ts";
import { here, liveness, self } from "./process.ts";

type Kind = "demo" | "probe" | "shell" | "version";

/** A killed demo leaves supervisors and agents that work in its folder, for some minutes. */
const demoMs = 60 * 60_000;

/** What can't be removed goes with the next one, too. @throws Error where none can be made */
export async function inTemporaryFolder<T>(kind: Kind, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = temporaryFolder(kind);
  try {
    return await work(folder);
  } finally {
    discard(folder);
  }
}

/** For those who remove it themselves. @throws Error where none can be made */
export function temporaryFolder(kind: Kind): string {
  const parent = realpathSync(tmpdir());
  removeLeft(parent);
  const { pid, startTime } = self();
  return mkdtempSync(join(parent, `cw-${kind}-${place()}-${pid}-${startTime}-`));
}

/** Where a process number means the same. Short: the path of a socket has room for 107 bytes. */
function place(): string {
  const { machineId, pidNamespace } = here();
  return new Bun.CryptoHasher("sha256").update(`${machineId} ${pidNamespace}`).digest("hex").slice(0, 8);
}

/** Of makers that are dead. Nobody's need: what can't be looked at or removed stays for the next. */
function removeLeft(parent: string): void {
  try {
    for (const name of readdirSync(parent)) {
      const [, kind, where, pid, startTime] =
        /^cw-(demo|probe|shell|version)-(\w{8})-(\d+)-(\d+)-\w{6}$/.exec(name) ?? [];
      if (pid === undefined || startTime === undefined || where !== place()) continue;
      const path = join(parent, name);
      const found = lstatSync(path, { throwIfNoEntry: false });
      // Of another user, who may give any name: not ours to remove.
      if (!found?.isDirectory() || found.uid !== process.getuid?.()) continue;
      if (kind === "demo" && Date.parse(isoNow()) - found.mtimeMs < demoMs) continue;
      if (liveness({ ...here(), pid: Number(pid), startTime }) === "dead") discard(path);
    }
  } catch {
    // The next one tries again.
  }
}
