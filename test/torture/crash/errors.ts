/**
 * A disk that is full, a disk that fails, no more open files: one call of the main thread is answered with that error, at each
 * place where it may happen, also where it only reads. The command says so or goes on, nothing is lost, and afterwards one reconcile puts it right.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../random.ts";
import type { Found } from "../suite.ts";
import type { Blow } from "./blows.ts";
import { aftermath, watchForLies } from "./crash.ts";
import type { Flow } from "./flows.ts";
import { awaited, type Ground } from "./ground.ts";
import { type Edits, noteEdits } from "./kept.ts";
import type { Call, Reading } from "./reference.ts";

const errors: Readonly<Record<string, readonly string[]>> = {
  // By number it may be any file, also one of /proc.
  openat: ["EMFILE"],
  write: ["ENOSPC", "EIO"],
  pwrite64: ["ENOSPC", "EIO"],
  fsync: ["EIO", "ENOSPC"],
  link: ["ENOSPC", "EIO"],
  linkat: ["ENOSPC", "EIO"],
  rename: ["ENOSPC", "EIO"],
  renameat: ["ENOSPC", "EIO"],
  mkdir: ["ENOSPC", "EIO"],
  mkdirat: ["ENOSPC", "EIO"],
  unlink: ["EIO"],
  unlinkat: ["EIO"],
  fchmod: ["EIO"],
  ftruncate: ["EIO"],
  pipe2: ["EMFILE"],
  socketpair: ["EMFILE"],
};

/** By its path it is that file and no other. */
const readErrors: typeof errors = { openat: ["EMFILE", "EIO"] };

/** Calls that may fail so; of writes those into files of the fleet, in a HOME or beside it. */
export function mayFail(call: Call): boolean {
  return call.name in errors && (call.name !== "write" || /\/workers\//.test(call.about));
}

/** @param file where strace notes what it did */
function failingAt(call: Call | Reading, random: Random, ground: Ground, file: string): Blow & { code: string } {
  const reads = "path" in call;
  const code = random.pick((reads ? readErrors : errors)[call.name] ?? ["EIO"]);
  // A full disk stays full for a while; what is written on is a word to somebody as well.
  const last = call.name !== "write" && random.next() < 0.4 ? `..${call.nth + random.below(6)}` : "";
  const inject = `inject=${call.name}:error=${code}:when=${call.nth}${last}`;
  return {
    code,
    point: `${code} at ${call.nth}${last} ${reads ? `${call.name} of ${call.path}` : call.about}`,
    prefix: [
      ...["strace", "-D", "-y", "-qqq", "-o", file, "-e", `trace=${call.name}`, "-e", inject],
      ...(reads ? ["-P", join(ground.folder, call.path)] : []),
    ],
  };
}

/** @returns tried 0 when that call did not come */
export async function fail(ground: Ground, flow: Flow, call: Call | Reading, random: Random): Promise<Found> {
  const harm: Found["harm"][number][] = [];
  const note = join(ground.folder, "injected");
  const blow = failingAt(call, random, ground, note);
  const lies = watchForLies(ground);
  const edits: Edits = new Map();
  await flow.before?.(ground);
  noteEdits(ground, edits);
  const onCommand = flow.struck === "command";
  if (!onCommand) ground.plan((blow.prefix ?? []).join(" "));
  const meanwhile = flow.meanwhile?.(ground);
  const ran = await ground.cw(flow.command(ground), onCommand ? { prefix: blow.prefix ?? [] } : {});
  // Also of a command that did not see it be born.
  if (!onCommand && ground.supervisorBegun && !(await awaited(() => ground.supervisorExit !== null, 60_000)))
    harm.push({ kind: "stuck", detail: "the supervisor not over after 60 s" });
  await meanwhile;
  ground.heal();
  // What could not be removed stays until it is swept, an hour later.
  if (call.name.startsWith("unlink"))
    for (const file of new Bun.Glob("**/.new-*").scanSync({ cwd: ground.store.paths.control, dot: true }))
      rmSync(join(ground.store.paths.control, file), { force: true });
  const hit = ground
    .text(note)
    .split("\n")
    .filter((line) => line.endsWith("(INJECTED)"));
  const say = (kind: Found["harm"][number]["kind"], detail: string) => harm.push({ kind, detail });
  // With Bun, spawn's own reason is lost on the way.
  const told = new RegExp(
    `${blow.code}${call.name === "socketpair" || call.name === "pipe2" ? "|could not be started" : ""}`,
  );
  if (ran.signal !== null) say("false", `the command died of ${ran.signal}`);
  else if (ran.code === 1) say("false", `it calls itself a bug: ${ran.stderr.slice(0, 600)}`);
  // The flow that is refused by GitHub says that.
  else if (onCommand && ran.code !== 0 && !/GitHub forbids it/.test(ran.stderr) && !told.test(ran.stderr))
    say("false", `exit ${ran.code}: ${ran.stderr}`);
  if (!onCommand && hit.length > 0) {
    const n = ground.attempts().at(-1) ?? 0;
    const folder = ground.attempt(n);
    const words = ["supervisor.log", "events.jsonl", "end.json", "processes.jsonl"].map((name) =>
      ground.text(join(folder, name)),
    );
    const outcome = ground.store.attempts.ended("01", n)?.outcome;
    const well =
      outcome === "delivered" ||
      (outcome === "stopped" && flow.meanwhile !== undefined) ||
      (outcome === "answered" && flow.proposes);
    const exit = ground.supervisorExit;
    if (exit !== null && exit > 128) say("false", `the supervisor died of signal ${exit - 128}`);
    else if (exit === 1) say("false", `the supervisor calls itself a bug: ${words[0]?.slice(-600)}`);
    if (!well && !words.some((text) => told.test(text)))
      say(
        "false",
        `${outcome ?? "no end"}, supervisor's exit ${exit}, and no word of ${blow.code}: ${words[0]?.slice(-600)}`,
      );
  }
  // An error of the machine is the end of an attempt, and a person's turn.
  const again = flow.again.length > 0 ? flow.again : [["dispatch", "-r", ground.repo.name, "-i", String(ground.issue)]];
  // What can't be removed stays.
  for (const one of await aftermath(ground, { ...flow, again }, edits))
    if (!call.name.startsWith("unlink") || !/\/\.new-/.test(one.detail)) harm.push(one);
  for (const lie of lies.stop()) say("survivor", lie);
  const point = `${flow.name}, ${blow.point} [${hit.join(" ").slice(0, 300)}]`;
  return {
    tried: hit.length > 0 ? 1 : 0,
    harm: harm.map(({ kind, detail }) => ({ kind, detail: `${point}: ${detail}` })),
  };
}
