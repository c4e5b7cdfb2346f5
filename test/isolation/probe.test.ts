/** The probes, on this machine as it is. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chooseIsolation } from "../../src/isolation/choose.ts";
import { type IsolationFacts, probeIsolation } from "../../src/isolation/probe.ts";
import { ordinaryUser } from "../support/user.ts";

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "cw-probes-")));
});
afterAll(() => rmSync(folder, { recursive: true }));

const probes = () => readdirSync(tmpdir()).filter((name) => name.startsWith("cw-probe-"));

test("bubblewrap works here, and nothing is left behind", async () => {
  const before = probes();
  const facts = await probeIsolation();
  expect(facts.bubblewrap).toEqual({ works: true, reason: null });
  expect(facts.system).toMatchObject({ bwrap: expect.stringMatching(/^\/.*bwrap$/), root: facts.root });
  for (const path of ["/etc", "/usr"]) expect(facts.system?.visible).toContain(path);
  for (const path of ["/home", "/root", "/work", "/srv", "/tmp"]) expect(facts.system?.visible).not.toContain(path);
  expect(chooseIsolation("auto", facts).isolation).toBe("bubblewrap");
  expect(probes()).toEqual(before);
});

test.if(process.getuid?.() === 0)("as root there is no sandbox inside the sandbox", async () => {
  const facts = await probeIsolation();
  expect(facts.nested).toEqual({ works: false, reason: expect.stringContaining("bwrap") });
  expect(chooseIsolation("auto", facts).innerSandbox).toBe(false);
});

const user = ordinaryUser();
const packageRoot = resolve(import.meta.dir, "../..");

test.if(user.canRead(join(packageRoot, "src/isolation/probe.ts")))("as an ordinary user there is", async () => {
  const script = `const { probeIsolation } = await import(${JSON.stringify(join(packageRoot, "src/isolation/probe.ts"))});
    await Bun.write(Bun.stdout, JSON.stringify(await probeIsolation()));`;
  const child = Bun.spawn(user.as([process.execPath, "-e", script]), {
    env: { PATH: "/usr/bin:/bin", HOME: user.home },
    cwd: "/",
    stdout: "pipe",
    stderr: "inherit",
  });
  const facts: IsolationFacts = JSON.parse(await child.stdout.text());
  expect(facts).toMatchObject({
    root: false,
    bubblewrap: { works: true },
    nested: { works: true },
    settings: { works: true },
  });
  expect(chooseIsolation("auto", facts)).toEqual({ isolation: "bubblewrap", innerSandbox: true, remarks: [] });
});

test("a missing bubblewrap is said", async () => {
  const facts = await probeIsolation({ searchPath: folder });
  expect(facts).toMatchObject({ system: null, bubblewrap: { works: false, reason: "bubblewrap is not installed" } });
});

test("the words of a bubblewrap that does not work are handed on", async () => {
  const words = "bwrap: No permissions to create a new namespace";
  writeFileSync(join(folder, "bwrap"), `#!/bin/sh\necho '${words}' >&2\nexit 1\n`);
  chmodSync(join(folder, "bwrap"), 0o755);
  const facts = await probeIsolation({ searchPath: folder });
  expect(facts.bubblewrap).toEqual({ works: false, reason: words });
  expect(() => chooseIsolation("bubblewrap", facts)).toThrow(words);
});
