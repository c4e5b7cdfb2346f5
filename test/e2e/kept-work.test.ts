/** What can't be taken out of a clone, or lies beside the work there, outlives the worker's next task. */
import { afterEach, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { begin, events, heard } from "../support/attempt.ts";
import { type TestFleet, until } from "../support/fleet.ts";
import { assign, closeFleets, kill, killedAt, long, openFleet, untilNothingLives } from "./fleet-stage.ts";
import { unprintable } from "./refused.ts";

afterEach(closeFleets, long);

const edited = "Edited by the fake agent.";
const plays = (script: string) => `[[scenario:run]] [[run:${Buffer.from(script).toString("base64")}]]`;
/** A filter that never ends: git waits for it as long as it may. */
const blocks = "git config filter.slow.clean 'sleep 600'; echo '* filter=slow' > .gitattributes";

const kept = (fleet: TestFleet, n: number) => join(fleet.attempt("01", n), "clone");
const readme = (clone: string) => readFileSync(join(clone, "README.md"), "utf8");
const warnings = (fleet: TestFleet, n: number) =>
  events(fleet, "01", n).flatMap((event) => (event.type === "warning" ? [event.message] : []));

/** Another issue for the same worker, which gives it a new HOME. */
async function nextTask(fleet: TestFleet): Promise<void> {
  await begin(fleet, { worker: "01", body: "[[scenario:answer]]" });
  expect((await fleet.ended("01")).outcome).toBe("answered");
}

test(
  "a nested repository that git can't add: the rest is delivered, what could not be added is named and kept",
  async () => {
    const fleet = await openFleet();
    const script =
      "edit; commit; mkdir nested; git -C nested init -q; echo precious > nested/notes; echo more > more.txt; done_well";
    const issue = await begin(fleet, { worker: "01", body: plays(script) });
    const end = await fleet.ended("01");
    expect({ outcome: end.outcome, reason: end.reason, files: end.files.toSorted() }).toEqual({
      outcome: "delivered",
      reason: expect.stringContaining("/pull/"),
      files: ["README.md", "more.txt"],
    });
    expect(fleet.repo.pulls().filter(({ head }) => head === `issue-${issue}`)).toHaveLength(1);
    expect(warnings(fleet, 1).join("\n")).toMatch(
      /nested\/.*does not have a commit[\s\S]*the clone is kept in .*0001\/clone/,
    );
    await nextTask(fleet);
    expect(readFileSync(join(kept(fleet, 1), "nested/notes"), "utf8")).toBe("precious\n");
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "what old attempts left is bounded: once a day the mirror is tidied after an end, old large work goes, small work stays",
  async () => {
    const fleet = await openFleet();
    const script =
      "for n in $(seq 150); do echo $n > $n; done; commit; voice fail reason 'It does not work.'; done_well";
    for (const n of [1, 2]) {
      await begin(fleet, { worker: "01", body: plays(script) });
      expect((await fleet.ended("01", n)).outcome).toBe("declined");
    }
    const mirror = join(fleet.root, ".fleet/repos/acme/site.git");
    const packs = () => readdirSync(join(mirror, "objects/pack")).filter((name) => name.endsWith(".pack"));
    const head = () => events(fleet, "01", 1).flatMap((one) => (one.type === "work:collected" ? [one.head] : []))[0];
    const has = () => Bun.spawnSync(["git", "--git-dir", mirror, "cat-file", "-e", `${head()}`]).exitCode === 0;
    expect([packs().length > 0, has()]).toEqual([true, true]);
    const old = Date.now() / 1000 - 90_000;
    for (const name of readdirSync(mirror, { recursive: true, encoding: "utf8" }))
      utimesSync(join(mirror, name), old, old);
    const patch = (n: number) => join(fleet.attempt("01", n), "work.patch");
    expect([existsSync(patch(1)), existsSync(patch(2))]).toEqual([true, true]);
    truncateSync(patch(1), 2 ** 31);
    await nextTask(fleet);
    await until("the mirror is tidied", () => !has() || null);
    await untilNothingLives(fleet);
    // Alone it would be small enough.
    expect([existsSync(patch(1)), existsSync(patch(2))]).toEqual([true, true]);
    truncateSync(patch(2), 2 ** 21);
    await nextTask(fleet);
    await untilNothingLives(fleet);
    expect([existsSync(patch(1)), existsSync(patch(2))]).toEqual([false, true]);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

const nests = "edit; commit; mkdir nested; git -C nested init -q; echo precious > nested/notes; done_well";

test(
  "a supervisor that was killed once its work was pushed: what git can't add is kept all the same: torture, crash-steps, seed 926",
  async () => {
    const fleet = await openFleet();
    await killedAt(fleet, "after branch:published", plays(nests));
    expect((await assign(fleet, "-r", "acme/site")).json().failed).toEqual([]);
    expect((await fleet.ended("01", 1)).outcome).toBe("delivered");
    await nextTask(fleet);
    expect(readFileSync(join(kept(fleet, 1), "nested/notes"), "utf8")).toBe("precious\n");
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "a supervisor that was killed when it had kept the clone, and not pushed yet: lost, the reason says where it is, no ref stays",
  async () => {
    const fleet = await openFleet();
    await killedAt(fleet, "clone kept", plays(nests));
    expect((await fleet.cw(["reset", "01"])).code).toBe(0);
    const end = await fleet.ended("01", 1);
    expect([end.outcome, end.reason]).toEqual([
      "lost",
      "the supervisor vanished; the clone is kept in .fleet/01/attempts/0001/clone",
    ]);
    await nextTask(fleet);
    expect(readFileSync(join(kept(fleet, 1), "nested/notes"), "utf8")).toBe("precious\n");
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "a clone that git does not get through in time: failed, the reason says where it is kept, restart goes on with it",
  async () => {
    const fleet = await openFleet();
    fleet.configure({ steps: { collect: "3s" } });
    await begin(fleet, { worker: "01", body: plays(`edit; commit; ${blocks}; done_well`) });
    const end = await fleet.ended("01");
    // Whichever of the two watches sees it first.
    expect(`${end.outcome}: ${end.reason}`).toMatch(
      /^(failed|timed-out): .*took longer than 3 s; the clone is kept in \.fleet\/01\/attempts\/0001\/clone$/,
    );
    expect(readme(kept(fleet, 1))).toContain(edited);
    const config = join(kept(fleet, 1), ".git/config");
    writeFileSync(config, readFileSync(config, "utf8").replace("sleep 600", "cat"));
    expect((await fleet.cw(["restart", "01"])).code).toBe(0);
    expect((await fleet.ended("01", 2)).outcome).toBe("delivered");
    const [pull] = fleet.repo.pulls();
    expect(
      (await fleet.repo.file(pull?.headSha ?? "", "README.md"))?.split("\n").filter((line) => line === edited),
    ).toHaveLength(2);
    expect(existsSync(kept(fleet, 1))).toBe(false);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "a restart that is refused before its agent gets to work: the clone that was kept stays kept",
  async () => {
    const fleet = await openFleet();
    fleet.configure({ steps: { collect: "2s" } });
    await begin(fleet, { worker: "01", body: plays(`edit; commit; ${blocks}; done_well`) });
    expect((await fleet.ended("01")).reason).toContain("the clone is kept in");
    // A session that goes on is not told its scenario again.
    const agent = join(fleet.folder, "bin/claude");
    const program = readFileSync(agent, "utf8");
    writeFileSync(agent, program.replace("scenario=$(tag scenario)", "scenario=bad-init"));
    expect((await fleet.cw(["restart", "01"])).code).toBe(0);
    expect((await fleet.ended("01", 2)).outcome).toBe("refused");
    writeFileSync(agent, program);
    await nextTask(fleet);
    expect(readme(kept(fleet, 2))).toContain(edited);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

/** Runs the script in its clone, then kills the supervisor. */
async function killedAfter(script: string): Promise<TestFleet> {
  const fleet = await openFleet();
  await begin(fleet, { worker: "01", body: plays(`${script}; say Done.; for_ever`) });
  await heard(fleet, "01", "agent:activity", ({ text }) => text === "Done.");
  await kill(fleet);
  return fleet;
}

test(
  "a supervisor that was killed, and a clone that git can't read: reset says where it is kept, the next task leaves it",
  async () => {
    const fleet = await killedAfter("edit; commit; echo broken > .git/HEAD");
    const reset = await fleet.cw(["reset", "01"]);
    expect([reset.code, reset.stdout]).toEqual([
      0,
      expect.stringMatching(
        /its work could not be saved[\s\S]*the clone is kept in \.fleet\/01\/attempts\/0001\/clone/,
      ),
    ]);
    const end = await fleet.ended("01", 1);
    expect([end.outcome, end.reason]).toEqual([
      "lost",
      "the supervisor vanished; the clone is kept in .fleet/01/attempts/0001/clone",
    ]);
    await nextTask(fleet);
    expect(readme(kept(fleet, 1))).toContain(edited);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "a supervisor that was killed, and what the agent makes git say: reset tells it without what a terminal obeys",
  async () => {
    const loud = "git config filter.loud.clean 'printf \"\\033]52;c;QUJD\\007said\" >&2; false'";
    const fleet = await killedAfter(
      `edit; ${loud}; git config filter.loud.required true; echo '* filter=loud' > .gitattributes`,
    );
    const reset = await fleet.cw(["reset", "01"]);
    expect([reset.code, reset.stdout]).toEqual([0, expect.stringContaining("said")]);
    expect(reset.stdout).not.toMatch(unprintable);
  },
  long,
);

test(
  "a supervisor that was killed, and a record of where it began that can't be read: its clone is kept all the same",
  async () => {
    const fleet = await killedAfter("edit; commit");
    writeFileSync(join(fleet.attempt("01", 1), "base.json"), "");
    const reset = await fleet.cw(["reset", "01"]);
    expect([reset.code, reset.stdout]).toEqual([
      0,
      expect.stringMatching(/base\.json can't be read[\s\S]*the clone is kept in \.fleet\/01\/attempts\/0001\/clone/),
    ]);
    await nextTask(fleet);
    expect(readme(kept(fleet, 1))).toContain(edited);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "a crash that can't be taken up for want of the fleet's own record: kept, and no ref stays (torture, errors, seed 920037)",
  async () => {
    const fleet = await killedAfter("edit; commit");
    const record = join(fleet.root, ".fleet/fleet.json");
    const text = readFileSync(record, "utf8");
    writeFileSync(record, "");
    const reset = await fleet.cw(["reset", "01"]);
    expect([reset.code, reset.stderr]).toEqual([5, expect.stringContaining("the fleet's own record can't be read")]);
    writeFileSync(record, text);
    await nextTask(fleet);
    expect((await fleet.ended("01", 1)).reason).toContain("the clone is kept in .fleet/01/attempts/0001/clone");
    expect(readme(kept(fleet, 1))).toContain(edited);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);

test(
  "a stash, another branch, and a rebase that was not ended: a bundle that git fetch takes",
  async () => {
    const fleet = await openFleet();
    const script = `
      echo stashed-1 > README.md; git stash -q; echo stashed-2 > README.md; git stash -q
      git checkout -q -b other; echo aside > aside.txt; git add -A; git commit -q -m Aside
      git checkout -q --detach HEAD^; edit; commit; done_well`;
    await begin(fleet, { worker: "01", body: plays(script) });
    const end = await fleet.ended("01");
    expect([end.outcome, end.files]).toEqual(["delivered", ["README.md"]]);
    await nextTask(fleet);
    const bundle = join(fleet.attempt("01", 1), "branches.bundle");
    const git = (...args: string[]) =>
      Bun.spawnSync(["git", "-c", "safe.directory=*", ...args], {
        cwd: fleet.folder,
        env: { PATH: "/usr/bin:/bin", HOME: "/" },
      });
    expect(git("clone", "-q", "--bare", fleet.repo.dir, "person.git").exitCode).toBe(0);
    const fetched = git("--git-dir", "person.git", "fetch", "-q", bundle, "refs/*:refs/kept/*");
    expect({ code: fetched.exitCode, stderr: fetched.stderr.toString() }).toEqual({ code: 0, stderr: "" });
    const show = (what: string) => git("--git-dir", "person.git", "show", what).stdout.toString();
    expect(show("refs/kept/heads/other:aside.txt")).toBe("aside\n");
    expect(["0", "1"].map((n) => show(`refs/kept/stashes/${n}:README.md`)).toSorted()).toEqual([
      "stashed-1\n",
      "stashed-2\n",
    ]);
    expect(existsSync(kept(fleet, 1))).toBe(false);
    expect(await fleet.leftovers()).toEqual([]);
  },
  long,
);
