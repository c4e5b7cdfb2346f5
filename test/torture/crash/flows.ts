/** What is under way when the blow falls: the command that is struck, what came before it, and what a person would do again afterwards. */
import { awaited, type Ground } from "./ground.ts";

export interface Flow {
  readonly name: string;
  /** Text of the issue: what the fake agent does first. Later attempts edit and commit. */
  readonly body: string;
  /** Who is struck: the command itself, or the supervisor of the first attempt that is started from `command` on. */
  readonly struck: "command" | "supervisor";
  before?(ground: Ground): Promise<void>;
  command(ground: Ground): string[];
  /** Of a supervisor that is struck: what is done to it while it works. */
  meanwhile?(ground: Ground): Promise<void>;
  /** What a person says again where the issue was not delivered all the same. Each has to succeed. */
  readonly again: readonly (readonly string[])[];
  /** It leads to an answer and to issues, not to a pull request; a person says the command again, since no tick would. */
  readonly proposes?: true;
}

const edit = "Please. [[scenario:edit]]";
/** Uncommitted work, then silence: somebody has to stop it. */
const hang = "Please. [[scenario:edit-hang]]";

/** Beside its work a stash and another branch, which a bundle takes. */
const branches = `
  edit; commit
  echo stashed > stashed.txt; git add -A; git stash -q
  git checkout -q -b aside; echo aside > aside.txt; git add -A; git commit -q -m Aside; git checkout -q -`;
/** The same, and what git can't add: only the clone itself has all of it. */
const beside = `${branches}
  mkdir nested; git -C nested init -q; echo precious > nested/notes`;
const plays = (script: string) => `Please. [[scenario:run]] [[run:${Buffer.from(script).toString("base64")}]]`;
const leaves = plays(`${beside}; done_well`);
/** The agent's scenario `propose`: these two, and the first once more in other letters. */
const proposals = ["The greeting is rude", "No test for the greeting"] as const;

const dispatch = ({ repo, issue }: Ground) => ["dispatch", "-r", repo.name, "-i", String(issue)];
const assign = ({ repo }: Ground) => ["assign", "-r", repo.name, "--json"];
const readme = (ground: Ground) => ground.text(`${ground.store.paths.clone("01", ground.repo.name)}/README.md`);
/** The agent has made its change. */
const changed = (ground: Ground) => readme(ground).includes("Edited by the fake agent.");

async function must(ground: Ground, args: string[]): Promise<void> {
  const ran = await ground.cw(args);
  if (ran.code !== 0) throw new Error(`${args.join(" ")} before the blow: exit ${ran.code} ${ran.stderr}`);
}

async function atWork(ground: Ground): Promise<void> {
  await must(ground, dispatch(ground));
  if (!(await awaited(() => changed(ground)))) throw new Error("the agent did not get to work before the blow");
}

async function stopped(ground: Ground): Promise<void> {
  await atWork(ground);
  await must(ground, ["stop", "01"]);
  ground.repo.edit(ground.issue, { body: edit });
}

/** Kills the supervisor at work, and awaits that the worker has crashed. */
async function crashed(ground: Ground): Promise<void> {
  await must(ground, dispatch(ground));
  if (!(await awaited(() => changed(ground)))) throw new Error("the agent did not get to work before the blow");
  const pid = ground.supervisorPid();
  if (pid === null) throw new Error("no supervisor before the blow");
  process.kill(pid, "SIGKILL");
  if (!(await awaited(() => ["crashed", "idle"].includes(ground.state)))) throw new Error("it did not crash");
}

/** Work that was pushed, and a supervisor that did not come to its pull request; the first who looks can't open it, either. */
async function pushed(ground: Ground): Promise<void> {
  const env = { CW_FAILPOINT: "after branch:published" };
  const ran = await ground.cw(dispatch(ground), { env });
  if (ran.code !== 0) throw new Error(`dispatch before the blow: exit ${ran.code} ${ran.stderr}`);
  if (!(await awaited(() => ground.state === "crashed"))) throw new Error("it did not crash after the push");
  const path = new RegExp(`^/repos/${ground.repo.name}/pulls$`);
  ground.inject({ method: "POST", path, times: 100, fault: { status: 403, body: {} } });
  await ground.cw(assign(ground));
  ground.heal();
}

/** All its work is in its clone alone: its supervisor came no further than to its agent's end. */
async function left(ground: Ground): Promise<void> {
  const ran = await ground.cw(dispatch(ground), { env: { CW_FAILPOINT: "after agent:exited" } });
  if (ran.code !== 0) throw new Error(`dispatch before the blow: exit ${ran.code} ${ran.stderr}`);
  if (!(await awaited(() => ground.state === "crashed"))) throw new Error("it did not crash after its agent");
}

/** An agent that failed, and a clone that had to be kept. */
async function failed(ground: Ground): Promise<void> {
  await must(ground, dispatch(ground));
  if (!(await awaited(() => ground.state === "idle"))) throw new Error("it did not end before the blow");
  if (ground.text(`${ground.attempt(1)}/clone/nested/notes`) === "")
    throw new Error("no clone is kept before the blow");
  ground.repo.edit(ground.issue, { body: edit });
}

/** One that looks at the work, writes beside it, and leaves a process. */
async function gated(ground: Ground): Promise<void> {
  const gates = ["grep -q Edited README.md && date > passed", "test -e passed && { sleep 1000 > /dev/null 2>&1 & }"];
  ground.configure({ repos: { [ground.repo.name]: { gates } } });
}

/** The label can't be set: all that was done is undone. */
async function refused(ground: Ground): Promise<void> {
  const path = new RegExp(`^/repos/${ground.repo.name}/issues/\\d+/labels$`);
  ground.inject({ method: "POST", path, fault: { status: 403, body: {} } });
}

export const flows: readonly Flow[] = [
  { name: "dispatch, undone", body: edit, struck: "command", before: refused, command: dispatch, again: [] },
  { name: "reconcile of pushed work", body: edit, struck: "command", before: pushed, command: assign, again: [] },
  { name: "dispatch", body: edit, struck: "command", command: dispatch, again: [] },
  { name: "assign", body: edit, struck: "command", command: assign, again: [] },
  { name: "supervise", body: edit, struck: "supervisor", command: dispatch, again: [] },
  {
    name: "supervise, uncommitted work",
    body: "Please. [[scenario:edit-uncommitted]]",
    ...{ struck: "supervisor", command: dispatch, again: [] },
  },
  {
    name: "supervise, stopped",
    ...{ body: hang, struck: "supervisor", command: dispatch },
    meanwhile: async (ground) => {
      await awaited(() => changed(ground) || ground.supervisorExit !== null || ground.state === "crashed", 10_000);
      await ground.cw(["stop", "01"]);
    },
    again: [["reset", "-f", "01"]],
  },
  {
    name: "stop",
    ...{ body: hang, struck: "command", before: atWork, command: () => ["stop", "01"] },
    again: [
      ["stop", "01"],
      ["reset", "01"],
    ],
  },
  {
    name: "restart",
    ...{ body: hang, struck: "command", before: stopped, command: () => ["restart", "01"], again: [["restart", "01"]] },
  },
  {
    name: "supervise, restarted",
    ...{ body: hang, struck: "supervisor", before: stopped, command: () => ["restart", "01"] },
    again: [["restart", "01"]],
  },
  {
    name: "reset",
    ...{ body: hang, struck: "command", before: stopped, command: () => ["reset", "01"], again: [["reset", "01"]] },
  },
  {
    name: "reset of one at work",
    ...{ body: hang, struck: "command", before: atWork, command: () => ["reset", "-f", "01"] },
    again: [["reset", "-f", "01"]],
  },
  { name: "reconcile", body: edit, struck: "command", before: crashed, command: assign, again: [] },
  {
    name: "reset of a crashed one",
    ...{ body: edit, struck: "command", before: crashed, command: () => ["reset", "01"], again: [["reset", "01"]] },
  },
  { name: "supervise, kept clone", body: leaves, struck: "supervisor", command: dispatch, again: [] },
  { name: "reconcile of a kept clone", body: leaves, struck: "command", before: left, command: assign, again: [] },
  {
    name: "supervise, kept clone given back",
    ...{ body: plays(`${beside}; exit 1`), struck: "supervisor", before: failed, command: () => ["restart", "01"] },
    again: [["restart", "01"]],
  },
  {
    name: "supervise, gated, with a bundle",
    body: plays(`${branches}; done_well`),
    ...{ struck: "supervisor", before: gated, command: dispatch, again: [] },
  },
  {
    name: "supervise, proposals",
    ...{ body: "Please. [[scenario:propose]]", struck: "supervisor", proposes: true },
    ...{ command: (ground) => [...dispatch(ground), "--mode", "issue"], again: [] },
  },
];

export { assign, changed, edit, hang, proposals, readme };
