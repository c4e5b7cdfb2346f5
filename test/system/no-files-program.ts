/** Looks while it may open nothing: FOLDER is a fleet's root. Prints what came of it as one line of JSON. */
import { closeSync, existsSync, openSync } from "node:fs";
import { openStore } from "../../src/store/store.ts";
import { errorCode, readOwn } from "../../src/system/files.ts";
import { childrenOf, identify, liveness, livingCookies, self, signal, withCookie } from "../../src/system/process.ts";
import { removeTree } from "../../src/system/remove.ts";
import { filesInMemory } from "../../src/system/shared-memory.ts";
import { endTree } from "../../src/system/tree.ts";
import { memoryBytes, unnamedBytes, usageOfTree } from "../../src/system/usage.ts";

const [folder = "", file = "", rubbish = ""] = process.argv.slice(2);
const { attempts } = openStore(folder);
const cookie = crypto.randomUUID();
const child = Bun.spawn(["/bin/sleep", "100000"], {
  env: { CW_ATTEMPT_COOKIE: cookie },
  stdio: ["ignore", "ignore", "ignore"],
});
const monitor = identify(child.pid) ?? self();
self();
// What is needed once is read before.
attempts.unsettled();

const taken: number[] = [];
for (;;) {
  try {
    taken.push(openSync("/dev/null", "r"));
  } catch {
    break;
  }
}
const of = (look: () => unknown) => {
  try {
    return look();
  } catch (error) {
    return errorCode(error);
  }
};
const said: Record<string, unknown> = {
  liveness: of(() => liveness(monitor)),
  identify: of(() => identify(child.pid)),
  self: of(self),
  livingCookies: of(() => [...livingCookies()]),
  withCookie: of(() => withCookie(cookie, [monitor])),
  signal: of(() => signal(monitor, "SIGKILL")),
  readOwn: of(() => readOwn(file)),
  facts: of(() => attempts.facts("01")?.task.ok),
  task: of(() => attempts.task("01", 1)),
  stopWished: of(() => attempts.stopWished("01", 1)),
  base: of(() => attempts.base("01", 1)),
  hasBase: of(() => attempts.hasBase("01", 1)),
  started: of(() => attempts.started("01", 1)),
  unsettled: of(() => attempts.unsettled()),
  childrenOf: of(() => childrenOf(process.pid)),
  usageOfTree: of(() => usageOfTree(child.pid, 1000)),
  memoryBytes: of(() => memoryBytes([child.pid], 0)),
  filesInMemory: of(() => filesInMemory([child.pid])),
  unnamedBytes: of(() => unnamedBytes([child.pid])),
};
const ended = endTree({ monitor, first: null, cookie }, 0);
said["endTree, before"] = (await Promise.race([ended, Bun.sleep(200)])) ?? "not proved";
await removeTree(rubbish);
said["removeTree"] = existsSync(rubbish) ? "still there" : "gone";
for (const one of taken) closeSync(one);
said["endTree, after"] = await ended;
await child.exited;
console.log(JSON.stringify(said));
