/** What an agent may have published in the fleet's name, through the program: to GitHub and back. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { held } from "../support/attack.ts";
import { events, newest } from "../support/attempt.ts";
import { long, openStage, type Stage } from "./stage.ts";

if (Bun.which("bwrap") === null) test.skip("bubblewrap is not installed", () => {});
else describe("what is published", suite);

function suite(): void {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage(["01", "02", "03"]);
    await stage.fleet.standin.addRepo({ name: "acme/ci", files: { "README.md": "# CI\n" } });
    stage.fleet.configure({ repos: { "acme/ci": { workflows: true } } });
  }, long);
  afterAll(async () => await stage?.fleet.close());

  test(
    "S38: a gate judges what is published, not what lies around it",
    async () => {
      const { fleet, attack } = stage;
      await fleet.standin.addRepo({ name: "acme/gated", files: { "README.md": "# Gated\n", "check.sh": "exit 1\n" } });
      const gate = "sh ./check.sh";
      fleet.configure({ repos: { "acme/ci": { workflows: true }, "acme/gated": { gates: [gate] } } });
      const tricks = [
        "echo 'exit 0' > check.sh; git update-index --skip-worktree check.sh; edit",
        "echo 'exit 0' > check.sh; git update-index --assume-unchanged check.sh; edit",
        "git rm -q --cached check.sh; git commit -qm gone; echo check.sh > .git/info/exclude; echo 'exit 0' > check.sh",
        "mkdir -p ~/.local/bin; printf '#!/bin/sh\\nexit 0\\n' > ~/.local/bin/sh; chmod +x ~/.local/bin/sh; echo 'alias sh=true' > ~/.profile; echo true > ~/.shrc; edit",
        "git config filter.x.smudge \"echo 'exit 0' #\"; mkdir -p .git/info; echo 'check.sh filter=x' > .git/info/attributes; edit",
        "git config core.worktree /tmp; edit; commit",
      ];
      const escaped: string[] = [];
      for (const trick of tricks) {
        const end = await attack("03", `${trick}\n`, "acme/gated");
        const told = end.outcome === "failed" && end.reason.includes("the gate");
        if (end.outcome === "delivered") escaped.push(trick);
        else if (!told && !trick.includes("worktree")) escaped.push(`${trick}: ${end.outcome} ${end.reason}`);
      }
      // And what is right passes, with nothing left of where it was tried.
      const end = await attack("03", "echo 'exit 0' > check.sh; git commit -qam right", "acme/gated");
      expect({ outcome: end.outcome, reason: end.reason }).toMatchObject({ outcome: "delivered" });
      held("S38", tricks.length, escaped);
    },
    long,
  );

  test(
    "S13: a small bundle that is a huge change is refused before it is written out",
    async () => {
      const { fleet, attack } = stage;
      const end = await attack(
        "03",
        `b=$(head -c 30000000 /dev/zero | tr '\\0' x | git hash-object -w --stdin)
         for n in $(seq 20); do git update-index --add --cacheinfo 100644,$b,big$n; done
         git commit -qm bomb; for n in $(seq 20); do git update-index --skip-worktree big$n; done`,
      );
      const folder = String(newest(fleet, "03")).padStart(4, "0");
      const escaped =
        [end.outcome, end.reason].join() ===
        `rejected,the change is larger than 512 MiB; the clone is kept in .fleet/03/attempts/${folder}/clone`
          ? []
          : [end.reason];
      if (existsSync(join(fleet.attempt("03", newest(fleet, "03")), "work.patch"))) escaped.push("a patch");
      held("S13", 1, escaped);
    },
    long,
  );

  const git = (dir: string, ...args: string[]) =>
    Bun.spawnSync(["git", "-c", "safe.directory=*", "--git-dir", dir, ...args], {
      env: { PATH: "/usr/bin:/bin", HOME: "/nonexistent" },
    })
      .stdout.toString()
      .trim();

  test(
    "A60, S23: commits are the worker's own, and what is claimed, pushed and confirmed is one commit",
    async () => {
      const { fleet, attack } = stage;
      const { repo } = fleet;
      const other = repo.openIssue({ title: "Another" });
      const end = await attack(
        "01",
        `export GIT_AUTHOR_NAME='The Boss' GIT_AUTHOR_EMAIL=boss@acme.example GIT_COMMITTER_NAME=GitHub GIT_COMMITTER_EMAIL=noreply@github.com
         echo x > x; git add x; git commit -qm "Add x

Fixes #${other}, thanks @boss

Co-authored-by: The Boss <boss@acme.example>"; echo left > left`,
      );
      expect({ outcome: end.outcome, reason: end.reason }).toMatchObject({ outcome: "delivered" });
      const [pull] = repo.pulls();
      const branch = `issue-${end.issue}`;
      const identity = JSON.parse(readFileSync(join(fleet.root, ".fleet/01/identity.json"), "utf8"));
      const own = `${identity.name} <${identity.email}>`;
      const log = git(repo.dir, "log", "--format=%an <%ae>|%cn <%ce>|%B%x00", `main..${branch}`).split("\0\n");
      const escaped = log.filter(
        (line) => !line.startsWith(`${own}|${own}|`) || /boss@|#\d|@boss/.test(line.replaceAll("\u2060#", "")),
      );
      expect(log).toHaveLength(2);
      const head = git(repo.dir, "rev-parse", branch);
      const said = events(fleet, "01").find((event) => event.type === "branch:published");
      const [claim] = await fleet.claim(end.issue);
      expect([pull?.headSha, said?.head, claim?.head]).toEqual([head, head, head]);
      held("A60, S23", 6, escaped);
    },
    long,
  );

  const plant =
    "mkdir -p .github/workflows; echo 'on: push' > .github/workflows/planted.yml; git add -A; git commit -qm CI";

  test(
    "A59: a workflow is refused before anything is pushed; kept as a patch; allowed by the configuration alone",
    async () => {
      const { fleet, attack } = stage;
      const refs = Object.keys(await fleet.repo.refs()).filter((ref) => ref.startsWith("refs/heads/"));
      const [refused, allowed] = await Promise.all([
        attack(
          "02",
          `${plant}; git config repos.acme/site.workflows true; printf '{"repos":{"acme/site":{"workflows":true}}}' > ~/config.json`,
        ),
        attack("03", plant, "acme/ci"),
      ]);
      expect({ outcome: refused.outcome, reason: refused.reason }).toEqual({
        outcome: "rejected",
        reason:
          "the change touches what GitHub runs: .github/workflows/planted.yml; repos.acme/site.workflows allows it",
      });
      expect(existsSync(join(fleet.attempt("02", 1), "work.patch"))).toBe(true);
      const now = Object.keys(await fleet.repo.refs()).filter((ref) => ref.startsWith("refs/heads/"));
      expect(allowed.outcome).toBe("delivered");
      held(
        "A59",
        1,
        now.filter((ref) => !refs.includes(ref)),
      );
    },
    long,
  );
}
