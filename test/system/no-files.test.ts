/** Where no more files can be opened nothing is known: who lives is not dead, and what is there is not missing. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../src/store/store.ts";
import { anIdentity, aSnapshot, aTask } from "../model/records.ts";
import { newFolder } from "./folder.ts";

const folder = newFolder();
afterAll(() => folder.remove());

test("nobody is called dead, no record missing, nothing wished for (torture, errors 18, 79 and 352)", () => {
  const root = folder.in("workers");
  mkdirSync(root, { mode: 0o700 });
  const { workers, attempts } = openStore(root);
  workers.create(anIdentity, null);
  attempts.reserve("01", () => aTask, aSnapshot, "x");
  attempts.saveBase("01", 1, { branch: "main", sha: "a".repeat(40) });
  attempts.unsettle("01", 1);
  writeFileSync(folder.in("file"), "words");
  mkdirSync(folder.in("rubbish/below"), { recursive: true });
  const program = join(import.meta.dir, "no-files-program.ts");
  const words = [process.execPath, "--no-env-file", program, root, folder.in("file"), folder.in("rubbish")];
  const argv = ["/bin/sh", "-c", 'ulimit -n 64; exec "$@"', "sh", ...words];
  const { stdout, stderr } = Bun.spawnSync(argv, { env: { PATH: "/usr/bin:/bin", HOME: folder.path } });
  expect(stderr.toString()).toBe("");
  expect(JSON.parse(stdout.toString())).toEqual({
    liveness: "EMFILE",
    identify: "EMFILE",
    self: "EMFILE",
    livingCookies: "EMFILE",
    withCookie: "EMFILE",
    signal: false,
    readOwn: "EMFILE",
    facts: false,
    task: "EMFILE",
    stopWished: false,
    base: "EMFILE",
    hasBase: true,
    started: "EMFILE",
    unsettled: "EMFILE",
    childrenOf: "EMFILE",
    usageOfTree: "EMFILE",
    memoryBytes: "EMFILE",
    filesInMemory: "EMFILE",
    unnamedBytes: "EMFILE",
    removeTree: "still there",
    "endTree, before": "not proved",
    "endTree, after": true,
  });
});
