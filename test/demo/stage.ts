/** Runs the program with an environment built from nothing and a temporary folder of its own, and looks what it has left. */
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { OrdinaryUser } from "../support/user.ts";

const checkout = resolve(import.meta.dir, "../..");
const program = join(checkout, "bin/cw");
/** Where npm puts claude for `npm run demo`. */
const withClaude = `${join(checkout, "node_modules/.bin")}:/usr/local/bin:/usr/bin:/bin`;

export interface DemoRun {
  readonly process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  /** All of standard output so far. */
  out(): string;
  /** Resolves when standard output has it. @throws Error when the program ends without */
  until(pattern: RegExp): Promise<string>;
  ended(): Promise<{ code: number | null; out: string; err: string }>;
  /** Environment of the program, for others that are to find the same things. */
  readonly env: Record<string, string>;
  /** Processes that know the folder of the run, files in it, the port: [] is clean. Removes the folder. */
  leftovers(): Promise<string[]>;
}

export interface DemoOptions {
  readonly claude?: boolean;
  readonly path?: string;
  readonly asUser?: OrdinaryUser;
  readonly env?: Record<string, string>;
}

export function demoEnvironment(options: DemoOptions = {}) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "cw-demo-test-")));
  const [home, temporary] = [join(folder, "home"), join(folder, "tmp")];
  for (const path of [home, temporary]) mkdirSync(path);
  if (options.asUser) {
    for (const path of [folder, home, temporary]) chownSync(path, options.asUser.uid, options.asUser.gid);
  }
  const path = options.path ?? (options.claude === false ? "/usr/local/bin:/usr/bin:/bin" : withClaude);
  const env: Record<string, string> = { PATH: path, HOME: home, TMPDIR: temporary, ...options.env };
  return { folder, temporary, env };
}

export function demo(args: readonly string[], options: DemoOptions = {}): DemoRun {
  const { folder, temporary, env } = demoEnvironment(options);
  const argv = [program, ...args];
  const child = Bun.spawn(options.asUser ? options.asUser.as(argv) : argv, {
    cwd: "/",
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  const heard = new EventTarget();
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      out += decoder.decode(chunk, { stream: true });
      heard.dispatchEvent(new Event("text"));
    }
    heard.dispatchEvent(new Event("end"));
  })();
  const errors = child.stderr.text();
  return {
    process: child,
    env,
    out: () => out,
    until: (pattern) =>
      new Promise((done, fail) => {
        const look = () => {
          const found = pattern.exec(out)?.[0];
          if (found !== undefined) done(found);
        };
        heard.addEventListener("text", look);
        heard.addEventListener("end", async () =>
          fail(new Error(`it ended without ${pattern}: ${out}${await errors}`)),
        );
        look();
      }),
    async ended() {
      await reading;
      return { code: await child.exited, out, err: await errors };
    },
    async leftovers() {
      const port = /http:\/\/127\.0\.0\.1:\d+/.exec(out)?.[0];
      const answers =
        port === undefined
          ? false
          : await fetch(port).then(
              () => true,
              () => false,
            );
      const left = [
        ...processesThatKnow(folder).map((line) => `process ${line}`),
        ...readdirSync(temporary).map((name) => `file ${name}`),
        ...(answers ? [`port ${port}`] : []),
      ];
      rmSync(folder, { recursive: true, force: true });
      return left;
    },
  };
}

export function processesThatKnow(folder: string): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      const knows = command.includes(folder) || readFileSync(`/proc/${pid}/environ`, "utf8").includes(folder);
      return knows && command !== "" ? [`${pid} ${command.slice(0, 200)}`] : [];
    } catch {
      return [];
    }
  });
}
