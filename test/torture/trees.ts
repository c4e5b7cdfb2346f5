/**
 * Agents whose processes leave the session, fork twice, ignore signals, are many, hold standard output open, start each other
 * again while they are killed, stop themselves, rename themselves: however the attempt ends, nothing of it lives then, and
 * nobody else was touched. What they are is told by an open file that each inherits, not by what the product looks at.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { begin, newest, running, supervisorOf } from "../support/attempt.ts";
import { type TestFleet, testFleet, until } from "../support/fleet.ts";
import type { Random } from "./random.ts";
import type { Found, Suite } from "./suite.ts";

type Harm = Found["harm"][number][];

/** What a hostile agent leaves around, as lines of a POSIX shell. Each goes on for ever, and has the file on 9 open. */
const branches: Readonly<Record<string, string>> = {
  "a session of its own": `setsid sh -c 'while :; do sleep 1; done' &`,
  "forked twice, another session": `(setsid sh -c 'trap "" TERM HUP INT; (while :; do sleep 1; done) &' &)`,
  "ignores TERM, HUP and INT": `(trap '' TERM HUP INT; while :; do sleep 1; done) &`,
  "holds standard output open": `(trap '' TERM; exec sleep 100000) &`,
  "floods standard output": `(trap '' TERM; while :; do echo '{"type":"none"}'; sleep 0.01; done) &`,
  "forks on": `setsid sh -c 'trap "" TERM HUP INT; while :; do setsid sh -c "trap \\"\\" TERM; sleep 2" & sleep 0.1; done' &`,
  "forks as fast as it can": `setsid sh -c 'while :; do sleep 0.3 & sleep 0.005; done' &`,
  "stops itself": `setsid sh -c 'kill -STOP $$; sleep 100000' &`,
  "stops and continues": `setsid sh -c 'trap "" TERM; (while :; do kill -STOP $PPID; sleep 0.05; kill -CONT $PPID; sleep 0.05; done) & while :; do sleep 0.1; done' &`,
  "another folder": `(cd /; setsid sh -c 'while :; do sleep 1; done' &)`,
  "starts its own namespace, where it may": `unshare -p -f sh -c 'trap "" TERM; while :; do sleep 1; done' 2> /dev/null &`,
  "starts the other one again": `cat > "$HOME/again.sh" <<'END'
trap '' TERM HUP INT
# The other one's number; none: it is started.
other=$1
while :; do
  kill -0 "$other" 2> /dev/null || { setsid sh "$HOME/again.sh" $$ & other=$!; }
  sleep 0.02
done
END
setsid sh "$HOME/again.sh" 0 &`,
};
/** Known by their parents alone, without a pid namespace: these have to live then. */
const kin: Readonly<Record<string, string>> = {
  "another name": `perl -e '$SIG{TERM} = "IGNORE"; $0 = "[kworker/1:2-events]"; sleep 1 while 1' &`,
  "the name of a supervisor": `setsid perl -e '$0 = "cw --root /root/workers _attempt 01 1"; sleep 1 while 1' &`,
  "another environment, a child": `env -i sh -c 'trap "" TERM; while :; do sleep 1; done' &`,
};
/** An isolation with a pid namespace needs no cookie; without one these are found by nothing: docs/lifecycle.md. */
const unnamed: Readonly<Record<string, string>> = {
  "another environment, no parent": `(env -i setsid sh -c 'trap "" TERM; while :; do sleep 1; done' &)`,
  "the beginning of a cookie, no parent": `(env -i CW_ATTEMPT_COOKIE="\${CW_ATTEMPT_COOKIE%????}" setsid sleep 100000 &)`,
};

const many = (count: number) =>
  `i=0; while [ $i -lt ${count} ]; do i=$((i + 1)); case $((i % 3)) in 0) setsid sleep 100000 & ;; *) sleep 100000 & ;; esac; done`;

/** What the agent itself does when its tree stands. */
const leaders: Readonly<Record<string, string>> = {
  "goes on": "for_ever",
  "ignores TERM": "trap '' TERM HUP INT; for_ever",
  "stops itself": "kill -STOP $$; for_ever",
};

const ways = ["stop", "reset", "timeout", "done", "shutdown", "supervisor killed", "supervisor stopped"] as const;

function script(random: Random, isolation: string, way: (typeof ways)[number], most: number) {
  const contained = isolation === "bubblewrap";
  const choice = { ...branches, ...(contained || way !== "done" ? kin : {}), ...(contained ? unnamed : {}) };
  const names = random.shuffled(Object.keys(choice)).slice(0, 2 + random.below(5));
  const count = random.pick([0, 0, 20, 100, most]);
  const leader = way === "done" ? "is done" : random.pick(Object.keys(leaders));
  const parts = ['exec 9> "$HOME/tag"', ...names.map((name) => choice[name] ?? ""), many(count)];
  const end = way === "done" ? "edit; commit; done_well" : leaders[leader];
  parts.push('echo up > "$HOME/up.new"; mv "$HOME/up.new" "$HOME/up"', `[ -e "$HOME/up" ] && { ${end}; }`);
  return { text: parts.join("\n"), about: `${isolation}, ${way}: ${names.join(", ")}; ${count} more; it ${leader}` };
}

/** Processes, zombies not counted, that hold that very file open: by our own eyes. */
function holders(file: { dev: number; ino: number } | null): number[] {
  if (file === null) return [];
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid)) return [];
    try {
      const { dev, ino } = statSync(`/proc/${pid}/fd/9`);
      return dev === file.dev && ino === file.ino ? [pid] : [];
    } catch {
      return [];
    }
  });
}

/** Somebody else's processes, that look like ours. */
function bystanders(fleet: TestFleet, cookie: string) {
  const spawn = (argv: string[], env: Record<string, string> = {}) =>
    Bun.spawn(argv, { env, cwd: "/", stdio: ["ignore", "ignore", "ignore"] });
  // No shell, whose own child would outlive it.
  const waits = ["perl", "-e", "sleep 1000 while 1"];
  return [
    spawn([...waits, "claude", `CW_ATTEMPT_COOKIE=${cookie}`]),
    spawn([...waits, fleet.program, "_attempt", "01", "1"]),
    spawn(["/bin/sleep", "100000"], { CW_ATTEMPT_COOKIE: crypto.randomUUID() }),
    spawn(["/bin/sleep", "100000"], { CW_ATTEMPT_COOKIE: cookie.slice(0, -1) }),
    spawn(["/bin/sleep", "100000"], { CW_ATTEMPT_COOKIE: `${cookie}0` }),
    spawn(["/bin/sleep", "100000"], { OLD_CW_ATTEMPT_COOKIE: cookie }),
    spawn(["/bin/sleep", "100000"], { NOTE: `I have seen CW_ATTEMPT_COOKIE=${cookie} in a log` }),
  ];
}

/** Orders are to be carried out in that time; the grace is half a second. */
const longestMs = 30_000;

async function tree(fleet: TestFleet, random: Random, isolation: string, most: number, harm: Harm): Promise<void> {
  const way = random.pick(ways);
  const { text, about } = script(random, isolation, way, most);
  const say = (kind: Harm[number]["kind"], detail: string) => harm.push({ kind, detail: `${detail} (${about})` });
  fleet.configure({ limits: { wall: way === "timeout" ? "6s" : "90s", processes: 4000 } });
  await begin(fleet, { worker: "01", body: `[[scenario:run]] [[run:${Buffer.from(text).toString("base64")}]]` });
  await running(fleet, "01");
  const n = newest(fleet, "01");
  const folder = fleet.attempt("01", n);
  const cookie: string = (await Bun.file(join(folder, "task.json")).json()).cookie;
  const others = bystanders(fleet, cookie);
  const supervisor = supervisorOf(fleet, "01");
  let tag: { dev: number; ino: number } | null = null;
  const over = () => existsSync(join(folder, "end.json"));
  const look = () => {
    // Looked up before the end is: what lives then, and is told to be over, is a lie.
    const left = holders(tag);
    if (over() && holders(tag).length > 0) say("survivor", `${left.length} live after the end: ${words(left)}`);
  };
  try {
    await until("the tree stands", () => {
      tag ??= existsSync(join(fleet.root, "01/tag")) ? statSync(join(fleet.root, "01/tag")) : null;
      return existsSync(join(fleet.root, "01/up")) || over() || null;
    });
    const began = performance.now();
    const cw = async (...args: string[]) => {
      const { code, stderr } = await fleet.cw(args);
      if (code !== 0) say("stuck", `${args.join(" ")}: exit ${code}: ${stderr.trim().slice(0, 300)}`);
    };
    if (way === "stop") await cw("stop", "01");
    if (way === "reset") await cw("reset", "-f", "01");
    if (way === "shutdown") process.kill(supervisor, "SIGTERM");
    if (way === "supervisor killed") {
      process.kill(supervisor, "SIGKILL");
      await cw("reset", "-f", "01");
    }
    if (way === "supervisor stopped") {
      process.kill(supervisor, "SIGSTOP");
      const stopping = cw("stop", "01");
      await Bun.sleep(300 + random.below(700));
      process.kill(supervisor, "SIGCONT");
      await stopping;
    }
    while (!over() && performance.now() - began < longestMs + 10_000) {
      look();
      await Bun.sleep(50);
    }
    look();
    const tookMs = performance.now() - began;
    if (tookMs > longestMs) say("stuck", `no end for ${Math.round(tookMs / 1000)} s; alive: ${words(holders(tag))}`);
    const end = await fleet.ended("01", n, 1000);
    if (!expected[way].includes(end.outcome)) say("false", `${end.outcome}: ${end.reason}`);
    // Those that a pid namespace takes along need a moment of the kernel; no end was written before that.
    if (holders(tag).length > 0) say("survivor", words(holders(tag)));
    if (end.outcome !== "delivered") await cw("reset", "01");
    for (const other of others)
      if (other.exitCode !== null || other.signalCode !== null)
        say("stranger", `bystander ${others.indexOf(other)} was ended by ${other.signalCode}`);
  } finally {
    for (const pid of holders(tag)) process.kill(pid, "SIGKILL");
    for (const other of others) other.kill("SIGKILL");
    await Promise.all(others.map((other) => other.exited));
  }
  for (const left of await fleet.leftovers()) say("leftover", left);
}

const expected: Readonly<Record<(typeof ways)[number], readonly string[]>> = {
  stop: ["stopped"],
  reset: ["stopped"],
  timeout: ["timed-out"],
  done: ["delivered"],
  shutdown: ["lost"],
  // In a pid namespace all die with it.
  "supervisor killed": ["stopped", "lost"],
  "supervisor stopped": ["stopped"],
};

function words(pids: readonly number[]): string {
  return pids.slice(0, 5).join(", ");
}

/** @param most of the processes that do nothing but be there */
async function forest(seed: number, random: Random, trees: number, most: number): Promise<Found> {
  const harm: Harm = [];
  const isolation = seed % 2 === 0 && Bun.which("bwrap") !== null ? "bubblewrap" : "none";
  const fleet = await testFleet({ isolation });
  try {
    for (let nth = 0; nth < trees; nth++) await tree(fleet, random, isolation, most, harm);
  } finally {
    await fleet.close();
  }
  return { tried: trees, harm };
}

export const trees: Suite = {
  name: "trees",
  shows:
    "agents whose processes leave the session, fork on, ignore signals, start each other again: none outlives its attempt, nobody else is touched",
  full: 500,
  quick: 2,
  round: async ({ seed, random }) => await forest(seed, random, 2, 500),
};
