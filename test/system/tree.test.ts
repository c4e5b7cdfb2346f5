/** Everything that an attempt started is ended, however it forked and whatever it ignores. */
import { afterEach, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import type { ProcessIdentity } from "../../src/model/process.ts";
import { childrenOf, identify, liveness, self } from "../../src/system/process.ts";
import { endTree } from "../../src/system/tree.ts";
import { alive, linesOf, type Spawned, shell, until } from "./processes.ts";

const children: Spawned[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
});

/** Empty where it has ended in between. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

async function begin(script: string, ready = 1) {
  const cookie = crypto.randomUUID();
  const child = shell(script, cookie);
  children.push(child);
  if (ready > 0) await linesOf(child, ready);
  return { child, cookie, tree: { monitor: identify(child.pid) ?? self(), first: null, cookie } };
}

test("one that ends when asked is not killed", async () => {
  const { child, tree, cookie } = await begin("trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done");
  expect(await endTree(tree, 10_000)).toBe(true);
  expect(await child.exited).toBe(7);
  expect(alive(cookie)).toEqual([]);
});

test("one that ignores TERM is killed after its grace", async () => {
  const { child, tree, cookie } = await begin("trap '' TERM HUP INT; echo up; while :; do sleep 0.05; done");
  const started = performance.now();
  expect(await endTree(tree, 300)).toBe(true);
  expect(performance.now() - started).toBeGreaterThan(280);
  expect(await child.exited).not.toBe(0);
  expect([child.signalCode, alive(cookie)]).toEqual(["SIGKILL", []]);
});

test("a stopped one is killed", async () => {
  const { child, tree } = await begin("echo up; kill -STOP $$; sleep 60");
  expect(await endTree(tree, 0)).toBe(true);
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
});

test("fifty that fork on, in sessions of their own, ignoring everything", async () => {
  const fork = "trap '' TERM HUP INT; while :; do setsid sh -c 'trap \"\" TERM HUP INT; sleep 2' & sleep 0.2; done";
  const { tree, cookie } = await begin(
    `i=0; while [ $i -lt 50 ]; do setsid sh -c '${fork.replaceAll("'", "'\\''")}' & i=$((i+1)); done; echo up; exec sleep 60`,
  );
  await until(() => alive(cookie).length > 100, "they fork");
  expect(await endTree(tree, 0)).toBe(true);
  expect(alive(cookie)).toEqual([]);
});

test("children that outlive their parent and hold its output open", async () => {
  const { child, tree, cookie } = await begin("(setsid sh -c 'trap \"\" TERM; sleep 60' &) ; echo up; exit 0");
  await child.exited;
  await until(() => alive(cookie).length > 0, "the daemon has begun");
  expect(await endTree(tree, 5000)).toBe(true);
  expect(alive(cookie)).toEqual([]);
});

test("children that gave themselves another name, and so another environment, or were given one", async () => {
  const children = [
    `perl -e '$| = 1; $SIG{TERM} = "IGNORE"; $0 = "a long name of its own, which is written over its environment"; print "up\n"; sleep 1 while 1' &`,
    `env -i setsid sh -c 'trap "" TERM; echo up; while :; do sleep 0.1; done' &`,
  ];
  const { child, tree } = await begin(`${children.join("\n")} while :; do sleep 0.05; done`, 2);
  const all = childrenOf(child.pid).flatMap((pid) => identify(pid) ?? []);
  expect(all.length).toBeGreaterThan(1);
  // Without its TERM being ignored the parent is gone at once, and they have another.
  expect(await endTree(tree, 2000)).toBe(true);
  expect(all.map(liveness).filter((one) => one === "alive")).toEqual([]);
});

test("what one without a name of ours starts while it is ended: torture, trees, seed 5", async () => {
  const marker = `60.${process.pid}`;
  // Started in the grace, when the only one with the cookie is about to go.
  const nameless = `env -i sh -c 'trap "" TERM; echo up; sleep 0.5; while :; do sleep ${marker}; done' &`;
  const { child, tree } = await begin(`trap 'sleep 1; exit' TERM; ${nameless} while :; do sleep 0.05; done`);
  const [pid = 0] = childrenOf(child.pid).filter((one) => /sh\0-c/.test(commandOf(one)));
  const ending = endTree(tree, 5000);
  const late: ProcessIdentity[] = [];
  await until(() => {
    const found = childrenOf(pid).filter((one) => commandOf(one).includes(marker));
    late.push(...found.flatMap((one) => identify(one) ?? []));
    return late.length > 0;
  }, "it starts another");
  expect(await ending).toBe(true);
  expect(late.map(liveness)).toEqual(["dead"]);
});

test("one without a name of ours that forks as fast as it can", async () => {
  const marker = `61.${process.pid}`;
  const forks = `i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); sleep ${marker} & done; wait`;
  const { tree } = await begin(`env -i sh -c '${forks}' & echo up; while :; do sleep 0.05; done`);
  const forked = () =>
    readdirSync("/proc")
      .map(Number)
      .filter((pid) => pid > 1 && commandOf(pid).includes(`sleep\0${marker}`));
  await until(() => forked().length > 20, "it forks");
  expect(await endTree(tree, 0)).toBe(true);
  const left = forked();
  for (const pid of left) process.kill(pid, "SIGKILL");
  expect(left.length).toBe(0);
});

test("what only mentions the cookie is left alone", async () => {
  const { tree, cookie } = await begin("echo up; exec sleep 60");
  const others = [
    { OLD_CW_ATTEMPT_COOKIE: cookie },
    { CW_ATTEMPT_COOKIE: `${cookie}0` },
    { CW_ATTEMPT_COOKIE: cookie.slice(1) },
    { NOTE: `there was CW_ATTEMPT_COOKIE=${cookie}` },
  ].map((env) => Bun.spawn(["/bin/sh", "-c", "read _", `CW_ATTEMPT_COOKIE=${cookie}`], { env, stdin: "pipe" }));
  children.push(...(others as never as Spawned[]));
  expect(await endTree(tree, 0)).toBe(true);
  expect(others.map(({ exitCode, signalCode }) => exitCode ?? signalCode)).toEqual([null, null, null, null]);
});

test("nothing to end is ended at once", async () => {
  const { child, tree } = await begin("exit 0", 0);
  await child.exited;
  const started = performance.now();
  expect(await endTree(tree, 10_000)).toBe(true);
  expect(performance.now() - started).toBeLessThan(2000);
});
