/** Whatever is started inside dies with its namespace, and its namespace with the supervisor. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { everybody, type SmallFleet, smallFleet } from "./inside.ts";

/** Children in sessions of their own that ignore signals, and hold standard output open. */
const daemons = `
setsid sh -c 'trap "" TERM HUP INT; echo $CW_ATTEMPT_COOKIE; while :; do sleep 1; done' &
(setsid sh -c '(trap "" TERM HUP INT; echo $CW_ATTEMPT_COOKIE; while :; do sleep 1; done) &' &)
nohup sh -c 'echo $CW_ATTEMPT_COOKIE; while :; do sleep 1; done' 2>/dev/null &
`;

function alive(cookie: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "utf8").includes(`CW_ATTEMPT_COOKIE=${cookie}`);
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function gone(cookie: string): Promise<void> {
  while (alive(cookie).length > 0) await Bun.sleep(5); // The kernel tells nobody but the parent: there is no event to await.
}

describe.each(everybody)("as %s", (who) => {
  let fleet: SmallFleet;
  beforeAll(() => {
    fleet = smallFleet(who);
  });
  afterAll(() => fleet.remove());

  function begin(script: string) {
    const cookie = crypto.randomUUID();
    const started = fleet.start({
      argv: ["/bin/sh", "-c", script],
      env: { PATH: "/usr/bin:/bin", CW_ATTEMPT_COOKIE: cookie },
      cwd: fleet.cwd,
    });
    return { cookie, ...started };
  }
  async function said(stream: ReadableStream<Uint8Array>, word: string, times: number): Promise<void> {
    const reader = stream.getReader();
    let text = "";
    while (text.split(word).length <= times) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`ended after ${text}`);
      text += new TextDecoder().decode(value);
    }
    reader.releaseLock();
  }

  test("KILL of the first process of the namespace ends everything", async () => {
    const { cookie, process: child, info } = begin(`${daemons} while :; do sleep 1; done`);
    const pid = info()["child-pid"];
    await said(child.stdout, cookie, 3);
    expect(alive(cookie).length).toBeGreaterThan(4);
    process.kill(pid, "SIGKILL");
    await child.exited;
    await gone(cookie);
  });

  test("KILL of bubblewrap's parent ends everything", async () => {
    const cookie = crypto.randomUUID();
    // The parent in between stands for a supervisor that is killed.
    const parent = Bun.spawn([process.execPath, new URL("./parent.ts", import.meta.url).pathname], {
      env: {
        PATH: "/usr/bin:/bin",
        TMPDIR: fleet.base,
        PARENT: JSON.stringify({ who, cookie, script: `${daemons} while :; do sleep 1; done` }),
      },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    await said(parent.stdout, cookie, 3);
    expect(alive(cookie).length).toBeGreaterThan(4);
    parent.kill("SIGKILL");
    await parent.exited;
    await gone(cookie);
  });

  test("A57: the end of the program ends what it left behind", async () => {
    const { cookie, process: child } = begin(`${daemons} echo began; read -r _`);
    await said(child.stdout, "began", 1);
    expect(alive(cookie).length).toBeGreaterThan(2);
    child.stdin.end();
    await child.exited;
    await gone(cookie);
  });
});
