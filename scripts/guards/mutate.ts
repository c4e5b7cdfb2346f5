/** Takes guards away in copies of this tree, and runs the tests that must notice. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Guard } from "./guard.ts";

const root = join(import.meta.dir, "../..");
/** SIOCSIFFLAGS, up. */
const loopback = `perl -e '$lo = pack("a16 s x22", "lo", 1); socket(S, 2, 2, 0) && ioctl(S, 0x8914, $lo) or die "lo: $!"'`;
/**
 * The first process where tests run: nothing of ours takes itself for process 1. Numbers begin high, or those of the tests
 * would be the same as those inside of an isolation, and some others are there, as on any machine.
 */
const first = `${loopback} && echo 5000 > /proc/sys/kernel/ns_last_pid; for n in $(seq 20); do sleep 1000 & done; "$@"; exit $?`;
/**
 * What a test without its guard leaves alive ends with it: there may be many, made to be hard to kill. And a network of its own:
 * agents that have lost theirs listen on the same ports of the machine's.
 */
const apart =
  process.getuid?.() === 0 && Bun.which("unshare") !== null
    ? [..."unshare --net --pid --fork --kill-child --mount-proc /bin/sh -c".split(" "), first, "first"]
    : [];

/** What a test that has to fail may take, in ms: what waits for ever without its guard is noticed, too. */
const longest = 240_000;
/** Takes memory that is counted for all of the machine: what one of two gives back would hide what the other takes. */
const hungry = "test/security/resources.test.ts";
/** Bun names the file before it loads it: that a test has begun, it does not say. */
const begun = "the first test begins";
const sayingSo = `require("bun:test").beforeAll(() => void require("node:fs").writeSync(2, "${begun}\\n"));\n`;

export interface Mutation {
  /**
   * `caught`: a test failed, or hung until it was killed. `BROKEN`: it ended badly, and no test had failed; it could not be
   * loaded, or not be started.
   */
  readonly verdict: "caught" | "UNSEEN" | "NOT THERE" | "THE TEST FAILS ANYWAY" | "BROKEN";
  /** What the last run of the test wrote, up to 3,000 characters. */
  readonly said: string;
}

export class Copies {
  private readonly folder = mkdtempSync(join(tmpdir(), "cw-guards-"));
  private readonly idle: string[] = [];
  private made = 0;
  /** Tests that pass with all guards in place. */
  private readonly whole = new Set<string>();
  private readonly preload = join(this.folder, "begins.cjs");
  /** Of the hungry ones, the last that was asked for. */
  private turn: Promise<unknown> = Promise.resolve();

  /** @param tree whose copies are changed; default: this one. @param longestMs what a run of the tests may take */
  constructor(
    private readonly tree = root,
    private readonly longestMs = longest,
  ) {
    // An ordinary user runs the copies, too.
    chmodSync(this.folder, 0o755);
    writeFileSync(this.preload, sayingSo);
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Several may be asked for at a time: each has a copy for itself. */
  async without(guard: Guard): Promise<Mutation> {
    if (guard.test !== hungry) return await this.inACopy(guard);
    const mine = this.turn.then(() => this.inACopy(guard));
    this.turn = mine.catch(() => {});
    return await mine;
  }

  private async inACopy(guard: Guard): Promise<Mutation> {
    const copy = this.idle.pop() ?? this.another();
    try {
      const key = `${guard.test} ${guard.only ?? ""}`;
      if (!this.whole.has(key)) {
        const ran = await this.run(copy, guard);
        // A test that fails anyway proves nothing.
        if (ran.what !== "passed") return { verdict: "THE TEST FAILS ANYWAY", said: ran.said };
        this.whole.add(key);
      }
      return await this.mutated(copy, guard);
    } finally {
      this.idle.push(copy);
    }
  }

  private another(): string {
    const copy = join(this.folder, `tree-${++this.made}`);
    // Links are enough, and quick: what is changed is a new file.
    if (Bun.spawnSync(["cp", "-al", this.tree, copy]).exitCode === 0) return copy;
    rmSync(copy, { recursive: true, force: true });
    if (Bun.spawnSync(["cp", "-a", this.tree, copy]).exitCode !== 0)
      throw new Error(`${this.tree} can't be copied to ${copy}`);
    return copy;
  }

  private async mutated(copy: string, guard: Guard): Promise<Mutation> {
    const path = join(copy, guard.file);
    const text = readFileSync(path, "utf8");
    if (text.split(guard.text).length !== 2) return { verdict: "NOT THERE", said: "" };
    replace(
      path,
      text.replace(guard.text, () => guard.instead),
    );
    try {
      const { what, said } = await this.run(copy, guard);
      return { verdict: what === "passed" ? "UNSEEN" : what === "failed" ? "caught" : "BROKEN", said };
    } finally {
      replace(path, text);
    }
  }

  private async run(
    copy: string,
    { test, only }: Guard,
  ): Promise<{ what: "passed" | "failed" | "broken"; said: string }> {
    const args = [
      ...["--config=bin/empty-bunfig.toml", "test", "--timeout=120000", `--preload=${this.preload}`],
      ...(only ? ["-t", only] : []),
      `./${test}`,
    ];
    const child = Bun.spawn([...apart, process.execPath, ...args], {
      cwd: copy,
      stdio: ["ignore", "ignore", "pipe"],
      timeout: this.longestMs,
      killSignal: "SIGKILL",
    });
    const [words] = await Promise.all([child.stderr.text(), child.exited]);
    return { what: whatHappened(Bun.stripANSI(words), child), said: words.slice(-3000) };
  }
}

/**
 * Another exit code than 0 alone proves nothing: a file that can't be loaded has one, and so has an `unshare` that is refused.
 * Bun counts what it can't load as failed, too, but names each test that failed in a line of its own.
 */
function whatHappened(said: string, { exitCode, signalCode }: Bun.Subprocess): "passed" | "failed" | "broken" {
  if (exitCode === 0) return / [1-9]\d* pass/.test(said) ? "passed" : "broken";
  if (/^\(fail\) /m.test(said)) return "failed";
  return signalCode === "SIGKILL" && said.includes(begun) ? "failed" : "broken";
}

function replace(path: string, text: string): void {
  // Not through the link: that is the tree itself.
  if (existsSync(path)) rmSync(path);
  writeFileSync(path, text);
}
