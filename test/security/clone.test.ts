/** What an agent does to its clone and its HOME, as an ordinary user in the strongest isolation, against every command. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { held } from "../support/attack.ts";
import { begin, heard } from "../support/attempt.ts";
import { processesOf } from "../support/leftovers.ts";
import { canary, long, openStage, type Stage } from "./stage.ts";

if (Bun.which("bwrap") === null) test.skip("bubblewrap is not installed", () => {});
else describe("a hostile agent", suite);

function suite(): void {
  let stage: Stage;
  let trap: ReturnType<typeof canary>;
  beforeAll(async () => {
    stage = await openStage(["01", "02"]);
    trap = canary(stage);
  }, long);
  afterAll(async () => await stage?.fleet.close());

  const commands: string[][] = [
    ["status"],
    ["status", "--github"],
    ["watch", "01"],
    ["inspect", "01"],
    ["logs", "01"],
    ["todos", "01"],
    ["history"],
    ["explain", "acme/site#1"],
    ["stop", "01"],
    ["dispatch", "-r", "acme/site", "-p", "x", "--dry-run"],
    ["assign", "-r", "acme/site", "--dry-run"],
  ];
  const paths =
    "prompt.md task.json result.json worker.log completed .claude.json tmp .claude/projects .claude/todos github .gitconfig .ssh";
  const objects: [what: string, plant: (path: string, outside: string) => string][] = [
    ["a link to a file", (path, outside) => `ln -s ${outside}/file ${path}`],
    ["a link to a folder", (path, outside) => `ln -s ${outside}/folder ${path}`],
    ["a dangling link", (path, outside) => `ln -s ${outside}/new ${path}`],
    ["a link to a device", (path) => `ln -s /dev/zero ${path}`],
    ["a hard link", (path, outside) => `ln ${outside}/file ${path}`],
    ["a pipe", (path) => `mkfifo ${path}`],
    ["a sparse terabyte", (path) => `truncate -s 1T ${path} 2>/dev/null || truncate -s 15T ${path} || : > ${path}`],
    ["a folder without rights", (path) => `mkdir ${path} && chmod 0 ${path}`],
  ];

  test(
    "A10, A11, A12, A16: whatever lies in HOME, no command follows it, writes through it, or waits",
    async () => {
      const { fleet } = stage;
      const home = join(fleet.root, "01");
      await stage.attack("01", "edit");
      const escaped: string[] = [];
      let attempts = 0;
      // Each round puts another object at each path.
      for (let round = 0; round < 3; round++) {
        const what = `round ${round}`;
        const all = paths.split(" ").map((name, at) => {
          const path = join(home, name);
          const [, plant] = objects[(at + round * 3) % objects.length] as (typeof objects)[number];
          return `{ chmod -R u+rwX ${path} 2>/dev/null; rm -rf ${path}; mkdir -p $(dirname ${path}); ${plant(path, stage.outside)}; }`;
        });
        stage.asUser(all.join(" && "));
        const began = performance.now();
        const ran = await Promise.all(commands.map((args) => fleet.cw(args, { timeoutMs: 20_000 })));
        const refreshed = await fleet.cw(["refresh", "01"]);
        attempts += (ran.length + 1) * paths.split(" ").length;
        if (performance.now() - began > 15_000) escaped.push(`${what}: it took ${performance.now() - began} ms`);
        for (const [at, { code, stderr }] of ran.entries())
          if (![0, 3, 4, 8].includes(code))
            escaped.push(`${what}: ${commands[at]?.join(" ")}: exit ${code}: ${stderr}`);
        if (refreshed.code !== 0) escaped.push(`${what}: refresh: ${refreshed.stderr}`);
        if (readFileSync(join(home, ".gitconfig"), "utf8").includes("precious")) escaped.push(`${what}: .gitconfig`);
        escaped.push(...stage.harm().map((harm) => `${what}: ${harm}`));
      }
      held("A10, A11, A12, A16", attempts, escaped);
    },
    long,
  );

  /** Every setting by which git executes something, for the clone and for HOME. */
  const poison = (program: string) =>
    [
      ...["core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "core.askPass", "core.gitProxy"],
      ...[
        "diff.external",
        "diff.x.command",
        "diff.x.textconv",
        "filter.x.clean",
        "filter.x.smudge",
        "filter.x.process",
      ],
      ...[
        "gpg.program",
        "uploadpack.packObjectsHook",
        "remote.origin.uploadpack",
        "remote.origin.receivepack",
        "alias.status",
      ],
    ]
      .map((key) => `git config ${key} ${program}`)
      .concat([
        `git config credential.helper '!${program}'`,
        `git config url.ext::${program}.insteadOf http`,
        "git config protocol.ext.allow always",
        `git config core.hooksPath ${program.replace(/\/[^/]*$/, "")}`,
        `git config include.path /proc/self/cwd/.git/evil`,
        "mkdir -p .git/hooks",
        `for hook in pre-commit post-checkout pre-push post-index-change reference-transaction; do printf '#!/bin/sh\\n${program}\\n' > .git/hooks/$hook; chmod +x .git/hooks/$hook; done`,
        "printf '* filter=x diff=x\\n' > .git/info/attributes",
      ])
      .join("\n");

  test(
    "A20, A21: a clone whose configuration runs programs, against every command",
    async () => {
      const { fleet } = stage;
      // It stays at work, so that it can be looked at, stopped, gone on with and reset.
      const script = `edit\n${poison(trap.program)}\nprintf '[submodule "x"]\\n\\tpath = x\\n\\turl = ext::${trap.program}\\n' > .gitmodules\nfor_ever`;
      const run = Buffer.from(script).toString("base64");
      await begin(fleet, { worker: "01", body: `[[scenario:run]] [[run:${run}]]` });
      await heard(fleet, "01", "agent:activity", ({ kind }) => kind === "result");
      const escaped: string[] = [];
      const atWork = commands.filter(([verb]) => verb !== "watch" && verb !== "stop");
      await Promise.all(atWork.map((args) => fleet.cw(args)));
      await fleet.cw(["stop", "01"]);
      await Promise.all(commands.map((args) => fleet.cw(args)));
      expect((await fleet.cw(["restart", "01"])).code).toBe(0);
      await heard(fleet, "01", "agent:ready");
      await fleet.cw(["stop", "01"]);
      const last = [["shell", "01", "--", "true"], ["doctor"], ["reset", "01"], ["refresh", "--all"]];
      for (const args of last) await fleet.cw(args);
      escaped.push(...trap.sung());
      held("A20, A21", atWork.length + commands.length + 3 + last.length, escaped);
    },
    long,
  );

  test(
    "A59, A22, A17: what it writes as success, to refs, to the control folder, changes nothing",
    async () => {
      const { fleet, attack } = stage;
      const before = await fleet.repo.refs();
      const tries = [
        "git push origin HEAD:refs/heads/main",
        "git push --force origin HEAD:main",
        "git push origin HEAD:refs/tags/v1",
        "git push origin :main",
        "git push origin HEAD:refs/claude-workers/claims/issue-1",
        `git push ${fleet.standin.url}/acme/site.git HEAD:elsewhere`,
        "git push --receive-pack='sh -c id' origin HEAD:x",
        `curl -sf -X POST ${fleet.standin.url}/repos/acme/site/issues -d '{"title":"x"}'`,
        `curl -sf -X PUT ${fleet.standin.url}/repos/acme/site/contents/x -d '{}'`,
        'rm -rf "$HOME/../.fleet"',
        'chmod 777 "$HOME/../.fleet"',
        'echo x > "$HOME/../.fleet/01/identity.json"',
        'rm -rf "$HOME"',
        `echo '{"outcome":"delivered"}' > "$HOME/end.json"; false`,
        `mkdir -p "$HOME/.fleet/01/attempts/0001" && echo '{"outcome":"delivered"}' > "$HOME/.fleet/01/attempts/0001/end.json"; false`,
      ];
      const script = tries.map((one, at) => `( ${one} ) > /dev/null 2>&1 && escaped="$escaped ${at}"`).join("\n");
      const end = await attack("01", `escaped=""\n${script}\nvoice answer text "escaped:$escaped"`);
      const { text } = await heard(fleet, "01", "agent:spoke");
      const after = await fleet.repo.refs();
      const foreign = Object.keys({ ...before, ...after }).filter(
        (ref) => before[ref] !== after[ref] && !ref.startsWith("refs/claude-workers/claims/"),
      );
      const worked = [...(/escaped:([ \d]*)/.exec(text)?.[1] ?? " all").trim().matchAll(/\d+|all/g)].map(
        ([at]) => `${tries[Number(at)] ?? at}`,
      );
      const odd = end.outcome === "answered" || end.outcome === "failed" ? [] : [`it ended as ${end.outcome}`];
      held("A59, A22, A17", tries.length, [...worked, ...foreign, ...odd]);
    },
    long,
  );

  test(
    "S18, S19: its clone becomes a link, a file, a pipe; its HOME offers another git",
    async () => {
      const { fleet, attack, outside } = stage;
      const tricks = [
        `cd ..; rm -rf site; ln -s ${outside}/folder site`,
        "cd ..; rm -rf site; : > site",
        "cd ..; rm -rf site; mkfifo site",
        "rm -rf .git; mkfifo .git",
        `rm -rf .git; printf 'gitdir: ${outside}/folder\\n' > .git`,
        `rm -f .git/HEAD; ln -s ${outside}/file .git/HEAD`,
        `printf '${outside}/folder\\n' > .git/objects/info/alternates; edit; commit`,
        `mkdir -p ~/bin ~/.local/bin; for d in ~/bin ~/.local/bin; do printf '#!/bin/sh\\ntouch ${trap.program}-git\\n' > $d/git; chmod +x $d/git; done; edit`,
      ];
      const escaped: string[] = [];
      for (const trick of tricks) {
        const end = await attack("02", trick);
        if (!["no-change", "failed", "delivered", "rejected"].includes(end.outcome))
          escaped.push(`${trick}: ${end.outcome} ${end.reason}`);
        escaped.push(...stage.harm().map((harm) => `${trick}: ${harm}`), ...trap.sung());
        await fleet.cw(["reset", "02"]);
      }
      held("S18, S19", tricks.length, escaped);
    },
    long,
  );

  test(
    "A52, A53: the operator's environment and descriptors do not reach an agent",
    async () => {
      const { fleet } = stage;
      const planted = Object.fromEntries(
        [
          "LD_PRELOAD_X",
          "NODE_OPTIONS",
          "BUN_OPTIONS",
          "BUN_INSPECT_X",
          "GIT_SSH_COMMAND",
          "GIT_CONFIG_X",
          "HTTPS_PROXY_X",
          "AWS_SECRET_ACCESS_KEY",
          "ANTHROPIC_CUSTOM_HEADERS",
          "SSH_AUTH_SOCK",
          "DBUS_SESSION_BUS_ADDRESS",
          "DOCKER_HOST",
        ].map((name) => [name, name.startsWith("NODE") || name === "BUN_OPTIONS" ? "" : "canary-of-the-operator"]),
      );
      const ran = await fleet.cw(["dispatch", "-r", "acme/site", "-p", "[[scenario:env]]", "-w", "02"], {
        env: planted,
      });
      expect({ code: ran.code, stderr: ran.code === 0 ? "" : ran.stderr }).toEqual({ code: 0, stderr: "" });
      const end = await fleet.ended("02");
      const seen = Object.keys(planted).filter((name) => end.reason.includes(`${name}=`));
      if (end.reason.includes("canary-of-the-operator") || end.reason.includes(fleet.token)) seen.push("a value");
      const descriptors = [...end.reason.matchAll(/fd (\d+)/g)].map(([, fd]) => Number(fd));
      expect(descriptors).toContain(0);
      held("A52, A53", Object.keys(planted).length + 1, [
        ...seen,
        ...descriptors.filter((fd) => fd > 2).map((fd) => `fd ${fd}`),
      ]);
    },
    long,
  );

  test(
    "A57, S22: daemons, and children that hold the pipes",
    async () => {
      const daemon = `setsid sh -c 'trap "" TERM HUP; exec sleep 600' & (setsid setsid sh -c 'sleep 600 & sleep 600' &) ; edit`;
      const end = await stage.attack("02", daemon);
      const task = JSON.parse(
        readFileSync(join(stage.fleet.attempt("02", Number(end.attempt.split("-")[1])), "task.json"), "utf8"),
      );
      held(
        "A57, S22",
        3,
        processesOf(task.cookie)
          .filter(({ command }) => !command.includes("_attempt"))
          .map(({ command }) => command),
      );
      await stage.fleet.cw(["reset", "02"]);
    },
    long,
  );

  test(
    "A58: what a dependency runs, in a gate: the limits of the agent, and no credential at all",
    async () => {
      const { fleet, outside } = stage;
      await fleet.standin.addRepo({ name: "acme/gated", files: { "README.md": "# Gated\n" } });
      fleet.configure({ repos: { "acme/gated": { gates: ["sh ./postinstall.sh"] } } });
      const tries = [
        `cat ${outside}/file`,
        `: > ${outside}/new`,
        `cat ${fleet.root}/.fleet/01/secrets.json`,
        `: > ${fleet.root}/.fleet/new`,
        "env | grep -E 'KEY|TOKEN|SECRET'",
        "cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -E 'KEY|TOKEN'",
        `echo evil >> ${fleet.root}/02/.gitconfig`,
        `echo evil > ${fleet.root}/02/.bashrc`,
        "setsid sleep 600 &",
      ];
      const lines = tries.slice(0, -1).map((one, at) => `( ${one} ) > /dev/null 2>&1 && echo ${at} >> ~/found`);
      // A gate that fails is quoted.
      const told = `echo ran >> ~/found; echo FOUND $(cat ~/found); exit 1`;
      const postinstall = Buffer.from(`${lines.join("\n")}\n${tries.at(-1)}\n${told}\n`).toString("base64");
      const end = await stage.attack("02", `echo ${postinstall} | base64 -d > postinstall.sh\ncommit`, "acme/gated");
      const found = /FOUND (.*)/.exec(end.reason)?.[1]?.trim().split(" ") ?? [];
      expect([end.outcome, found.at(-1)]).toEqual(["failed", "ran"]);
      const task = JSON.parse(
        readFileSync(join(fleet.attempt("02", Number(end.attempt.split("-")[1])), "task.json"), "utf8"),
      );
      const alive = processesOf(task.cookie).filter(({ command }) => !command.includes("_attempt"));
      const escaped = found.slice(0, -1).map((at) => tries[Number(at)] ?? at);
      held("A58", tries.length, [...escaped, ...alive.map(({ command }) => command), ...stage.harm()]);
    },
    long,
  );
}
