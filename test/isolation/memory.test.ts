/** What a program inside keeps in files in memory, as its supervisor finds it from outside. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { ordinaryUser } from "../support/user.ts";
import { everybody, type SmallFleet, smallFleet } from "./inside.ts";

const packageRoot = resolve(import.meta.dir, "../..");
const source = join(packageRoot, "src/system/shared-memory.ts");
const look = (pid: number) => `const { filesInMemory } = await import(${JSON.stringify(source)});
  const { usageOfTree } = await import(${JSON.stringify(join(packageRoot, "src/system/usage.ts"))});
  const { pids } = usageOfTree(${pid}, 1000);
  console.log(JSON.stringify({ ...filesInMemory(pids), processes: pids.length }));`;

const readers = everybody.filter((who) => who === "root" || ordinaryUser().canRead(source));

describe.each(readers)("as %s", (who) => {
  let fleet: SmallFleet;
  beforeAll(() => {
    fleet = smallFleet(who);
  });
  afterAll(() => fleet.remove());

  /** What is found while that script waits, which it does when it has said so. */
  async function found(script: string): Promise<{ bytes: number; certain: boolean; processes: number }> {
    const env = { PATH: "/usr/bin:/bin", HOME: fleet.home };
    const { process: child } = fleet.start({ argv: ["/bin/sh", "-c", script], env, cwd: fleet.cwd });
    expect(new TextDecoder().decode((await child.stdout.getReader().read()).value)).toBe("ready\n");
    const { process: looker } = fleet.startBare({ argv: [process.execPath, "-e", look(child.pid)], env, cwd: "/" });
    const [out, err] = await Promise.all([looker.stdout.text(), looker.stderr.text()]);
    expect(err).toBe("");
    child.stdin.end();
    await child.exited;
    return JSON.parse(out);
  }

  const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);

  test("nothing hides in what agents usually do", async () => {
    const inner = "bwrap --ro-bind / / --unshare-net --unshare-pid --unshare-user --dev /dev --proc /proc --tmpfs /tmp";
    const nested = who === "root" ? "sh" : `${inner} -- sh`;
    const { bytes, certain, processes } = await found(`head -c 10485760 /dev/zero > /tmp/x
      head -c 5242880 /dev/zero > /dev/shm/x; exec ${nested} -c 'head -c 1048576 /dev/zero > /run/y 2>/dev/null; echo ready; read -r _; :'`);
    expect(certain).toBe(true);
    expect(mebibytes(bytes)).toBeOneOf([15, 16]);
    expect(processes).toBeGreaterThan(2);
  });

  // Root has no namespaces inside.
  if (who === "root") return;
  test("A56: what hides is known to", async () => {
    const wait = "echo ready; read -r _; :";
    const hidden = await found(`exec unshare -Urm sh -c 'mount -t tmpfs -o size=0 none /run; ${wait}'`);
    expect(hidden.certain).toBe(false);
    const seen = await found(
      `exec unshare -Urm sh -c 'mount -t tmpfs none /run; head -c 7340032 /dev/zero > /run/x; ${wait}'`,
    );
    expect(seen.certain).toBe(true);
    expect(mebibytes(seen.bytes)).toBe(7);
  });
});
