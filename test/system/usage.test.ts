/** What is found of a tree of processes. */
import { expect, test } from "bun:test";
import { filesInMemory, sharedBytes } from "../../src/system/shared-memory.ts";
import { memoryBytes, usageOfTree } from "../../src/system/usage.ts";

test("A56: children of threads are found, and theirs", async () => {
  const inThread = `const child = Bun.spawn(["/bin/sh", "-c", "sleep 60 & echo $!; wait"], { stdout: "pipe" });
    const [word] = [new TextDecoder().decode((await child.stdout.getReader().read()).value)];
    console.log(child.pid + " " + word);`;
  const script = `new Worker(URL.createObjectURL(new Blob([${JSON.stringify(inThread)}])));`;
  const parent = Bun.spawn([process.execPath, "-e", script], { env: {}, stdout: "pipe" });
  let children: number[] = [];
  try {
    const { value } = await parent.stdout.getReader().read();
    children = new TextDecoder().decode(value).trim().split(" ").map(Number);
    expect(children).toHaveLength(2);
    expect(usageOfTree(parent.pid, 1000).pids).toEqual([parent.pid, ...children]);
  } finally {
    for (const pid of children.toReversed()) end(pid);
    parent.kill("SIGKILL");
    await parent.exited;
  }
});

test("files of the machine that are in memory belong to nobody's tree", async () => {
  // Not this process: Bun's runner of tests has one open at times.
  const other = Bun.spawn(["/bin/sleep", "60"], { env: {}, stdio: ["ignore", "ignore", "ignore"] });
  try {
    expect(filesInMemory([other.pid])).toEqual({ bytes: 0, certain: true });
  } finally {
    other.kill("SIGKILL");
    await other.exited;
  }
  expect(sharedBytes()).toBeGreaterThanOrEqual(0);
  // Of the program itself each of many Buns counts a small part: this is ours alone.
  const own = Buffer.alloc(64 << 20, 1);
  const resident = process.memoryUsage().rss;
  expect(memoryBytes([process.pid], 2 ** 40)).toBeGreaterThan(resident / 4);
  expect(memoryBytes([process.pid], 2 ** 40)).toBeGreaterThan(own.length);
  expect(memoryBytes([process.pid], 2 ** 40)).toBeLessThan(resident * 2);
});

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // A shell that waits ends with what it waits for.
  }
}
