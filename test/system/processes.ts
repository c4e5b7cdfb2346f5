/** Real processes that misbehave, and what is left of them. */
import { readdirSync, readFileSync } from "node:fs";

export type Spawned = Bun.Subprocess<"pipe", "pipe", "pipe">;

/** Runs a shell script with that cookie in its environment. */
export function shell(script: string, cookie = ""): Spawned {
  return Bun.spawn(["/bin/sh", "-c", script], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...(cookie === "" ? {} : { CW_ATTEMPT_COOKIE: cookie }) },
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/** The first lines that it prints. */
export async function linesOf(child: Spawned, count: number): Promise<string[]> {
  const reader = child.stdout.getReader();
  let text = "";
  while (text.split("\n").length <= count) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`it ended after ${JSON.stringify(text)}: ${await new Response(child.stderr).text()}`);
    text += new TextDecoder().decode(value);
  }
  reader.releaseLock();
  return text.split("\n").slice(0, count);
}

/** Numbers of the processes with that text in their environment, zombies not counted; by our own eyes, not the product's. */
export function alive(text: string): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const gone = /\) [ZX] /.test(readFileSync(`/proc/${name}/stat`, "utf8"));
      return !gone && readFileSync(`/proc/${name}/environ`, "utf8").includes(text) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

/** Awaits a fact of which nobody tells. */
export async function until(fact: () => boolean, what: string, ms = 20_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!fact()) {
    if (performance.now() > deadline) throw new Error(`never so: ${what}`);
    await Bun.sleep(5);
  }
}
