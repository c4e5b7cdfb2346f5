/** What an agent uses up of the machine, inside of small limits: ended with a reason, and nothing of it is left. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { usageOfTree } from "../../src/system/usage.ts";
import { held } from "../support/attack.ts";
import { agentOf, begin, heard, newest, running, supervisorOf } from "../support/attempt.ts";
import { type TestFleet, testFleet, until } from "../support/fleet.ts";
import { long, openStage, type Stage } from "./stage.ts";

const limits = { memory: "200M", processes: 300, disk: "64M", wall: "60s", silence: "60s" };
const most = { memory: 200, disk: 64 };

const x64 = process.arch === "x64";
/** A file of Perl's in memory. */
const memfd = `open(F, ">&=", syscall(${x64 ? 319 : 279}, $n, 0)) or die`;

/** What each does, and in which words it ends. */
const ways: [what: string, script: string, reason: RegExp][] = [
  [
    "memory of a process",
    "{ head -c 400000000 /dev/zero; sleep 60; } | tail > /dev/null",
    /take \d+ MiB of memory; at most 200 MiB/,
  ],
  [
    "files in memory",
    "head -c 150000000 /dev/zero > /tmp/x; head -c 150000000 /dev/zero > /dev/shm/x; sleep 60",
    /MiB of memory/,
  ],
  [
    "a file in memory that has no name",
    `perl -e '$n = "x"; ${memfd}; print F "x" x 1000000 for 1 .. 400; sleep 60'`,
    /MiB of memory/,
  ],
  [
    "the same in a program that lets nobody look into it",
    `cp /usr/bin/perl p; chmod 111 p; ./p -e '$n = "x"; ${memfd}; print F "x" x 1000000 for 1 .. 400; sleep 60'`,
    /MiB of memory/,
  ],
  [
    "the same in one that asks the kernel that nobody may",
    `perl -e 'syscall(${x64 ? 157 : 167}, 4, 0, 0, 0, 0); $n = "x"; ${memfd}; print F "x" x 1000000 for 1 .. 400; sleep 60'`,
    /MiB of memory/,
  ],
  [
    "a file system in memory, of a namespace of its own",
    "unshare -Urm sh -c 'mount -t tmpfs none /run; head -c 400000000 /dev/zero > /run/x; sleep 60'",
    /MiB of memory/,
  ],
  [
    "one without a size",
    "unshare -Urm sh -c 'mount -t tmpfs -o size=0 none /run; head -c 400000000 /dev/zero > /run/x; sleep 60'",
    /MiB of memory/,
  ],
  [
    "ramfs, which the kernel counts nowhere",
    "unshare -Urm sh -c 'mount -t ramfs none /run; head -c 400000000 /dev/zero > /run/x; sleep 60'",
    /MiB of memory/,
  ],
  [
    "one below another",
    "unshare -Urm sh -c 'mount -t tmpfs none /run; head -c 400000000 /dev/zero > /run/x; mount -t tmpfs none /run; sleep 60'",
    /MiB of memory/,
  ],
  [
    "one that is mounted nowhere any more",
    "unshare -Urm sh -c 'mount -t tmpfs none /run; head -c 400000000 /dev/zero > /run/x; exec 3< /run/x; umount -l /run; sleep 60'",
    /MiB of memory/,
  ],
  ["a file", "head -c 400000000 /dev/zero > big; sleep 60", /took \d+ MiB of the disk; at most 64 MiB/],
  ["a file that has no name", "exec 3> big; rm big; head -c 400000000 /dev/zero >&3; sleep 60", /MiB of the disk/],
  [
    "a file where nobody may look",
    "mkdir -p d/e; head -c 400000000 /dev/zero > d/e/big; chmod 0 d; sleep 60",
    /MiB of the disk/,
  ],
];

if (Bun.which("bwrap") === null) test.skip("bubblewrap is not installed", () => {});
else describe("an ordinary user's agent", suite);

function suite(): void {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage(["01"]);
    stage.fleet.configure({ limits });
  }, long);
  afterAll(async () => await stage?.fleet.close());

  test(
    "A56: memory and disk, however they are used up",
    async () => {
      const escaped: string[] = [];
      for (const [what, script, reason] of ways) {
        const end = await stage.attack("01", script);
        if (end.outcome !== "over-budget" || !reason.test(end.reason))
          escaped.push(`${what}: ${end.outcome}: ${end.reason}`);
        const used = Number(/(\d+) MiB/.exec(end.reason)?.[1]);
        expect(used).toBeGreaterThan(/disk/.test(end.reason) ? most.disk : most.memory);
        await stage.fleet.cw(["reset", "01"]);
      }
      held("A56", ways.length, escaped);
    },
    long,
  );

  test(
    "A56: files in memory, taken at the moment when somebody else gives back as much",
    async () => {
      const { fleet } = stage;
      const others = join("/dev/shm", basename(fleet.folder));
      const size = 300_000_000;
      writeFileSync(others, Buffer.alloc(size));
      try {
        const take = `while [ ! -e begin ]; do sleep 0.1; done; head -c ${size} /dev/zero > /dev/shm/x; touch taken; sleep 60`;
        await begin(fleet, { worker: "01", body: `[[scenario:run]] [[run:${Buffer.from(take).toString("base64")}]]` });
        await running(fleet, "01");
        const clone = join(fleet.root, "01/github/acme/site");
        const supervisor = supervisorOf(fleet, "01");
        process.kill(supervisor, "SIGSTOP");
        rmSync(others);
        stage.asUser(`touch ${clone}/begin`);
        await until("it is taken", () => existsSync(join(clone, "taken")) || null);
        process.kill(supervisor, "SIGCONT");
        const end = await fleet.ended("01");
        held("A56", 1, /MiB of memory/.test(end.reason) ? [] : [`${end.outcome}: ${end.reason}`]);
      } finally {
        rmSync(others, { force: true });
      }
      await fleet.cw(["reset", "01"]);
    },
    long,
  );

  test(
    "A56: processes: the kernel gives no more, and the supervisor goes on",
    async () => {
      const { fleet } = stage;
      const script = "while :; do sleep 300 & done 2>/dev/null";
      const run = Buffer.from(`( ${script} ); ( ${script} ); for_ever`).toString("base64");
      await begin(fleet, { worker: "01", body: `[[scenario:run]] [[run:${run}]]` });
      await running(fleet, "01");
      const agent = agentOf(fleet, "01");
      let seen = 0;
      await until("it has as many as it gets", () => {
        seen = Math.max(seen, usageOfTree(agent, 10_000).processes);
        return seen > 250 || null;
      });
      for (let looks = 0; looks < 50; looks++) seen = Math.max(seen, usageOfTree(agent, 10_000).processes);
      expect((await fleet.cw(["stop", "01"])).code).toBe(0);
      await fleet.ended("01");
      // Bubblewrap's own processes count for the user outside.
      held("A56", 2, seen > 310 ? [`${seen} processes`] : []);
      await fleet.cw(["reset", "01"]);
    },
    long,
  );

  test(
    "A56: a gate, which runs what the agent wrote",
    async () => {
      const { fleet } = stage;
      fleet.configure({ limits, repos: { "acme/site": { gates: ["sh ./gate"] } } });
      const end = await stage.attack(
        "01",
        `echo '{ head -c 400000000 /dev/zero; sleep 60; } | tail > /dev/null' > gate; git add gate; git commit -qm gate`,
      );
      held("A56", 1, end.outcome === "over-budget" ? [] : [`${end.outcome}: ${end.reason}`]);
      fleet.configure({ limits });
      await fleet.cw(["reset", "01"]);
    },
    long,
  );

  test(
    "A56: the kernel takes the agent first, and writes no core of it",
    async () => {
      const { fleet } = stage;
      await begin(fleet, {
        worker: "01",
        body: `[[scenario:run]] [[run:${Buffer.from("sleep 300").toString("base64")}]]`,
      });
      await heard(fleet, "01", "agent:ready");
      // From here on nobody comes and goes.
      const inside = await until("its last program runs", () => {
        const { pids } = usageOfTree(agentOf(fleet, "01"), 1000);
        return pids.every((pid) => existsSync(`/proc/${pid}`)) && pids.some(isLast) ? pids : null;
      });
      const escaped = inside
        .filter((pid) => read(pid, "oom_score_adj").trim() !== "600")
        .map((pid) => `${pid} is not expendable`);
      expect(inside.length).toBeGreaterThan(2);
      const program = inside.at(-1) ?? 0;
      // What one takes back is put back, whoever it is.
      for (const pid of inside) writeFileSync(`/proc/${pid}/oom_score_adj`, "0");
      await until(
        "all are expendable again",
        () => inside.every((pid) => read(pid, "oom_score_adj").trim() === "600") || null,
      );
      if (!/^Max core file size +0 +0 /m.test(read(program, "limits"))) escaped.push("a core");
      const supervisor = JSON.parse(readFileSync(join(fleet.attempt("01", newest(fleet, "01")), "birth.json"), "utf8"));
      expect(read(supervisor.process.pid, "oom_score_adj").trim()).toBe(
        readFileSync("/proc/self/oom_score_adj", "utf8").trim(),
      );
      await fleet.cw(["stop", "01"]);
      held("A56", inside.length * 2 + 1, escaped);
    },
    long,
  );
}

const isLast = (pid: number) =>
  existsSync(`/proc/${pid}`) && read(pid, "cmdline").replaceAll("\0", " ") === "sleep 300 ";
const read = (pid: number, name: string) => readFileSync(`/proc/${pid}/${name}`, "utf8");

describe("without an isolation, or as root", () => {
  let fleet: TestFleet;
  beforeAll(async () => {
    fleet = await testFleet({ workers: ["01"], isolation: "none" });
    fleet.configure({ limits });
  });
  afterAll(async () => await fleet?.close());

  test(
    "A56: too many processes end the attempt",
    async () => {
      const run = Buffer.from("i=0; while [ $i -lt 400 ]; do sleep 300 & i=$((i+1)); done; for_ever").toString(
        "base64",
      );
      await begin(fleet, { worker: "01", body: `[[scenario:run]] [[run:${run}]]` });
      const end = await fleet.ended("01");
      const reason = /more than 300 processes and threads; at most 300/;
      const fits = end.outcome === "over-budget" && reason.test(end.reason);
      held("A56", 1, fits ? [] : [`${end.outcome}: ${end.reason}`]);
      expect(readdirSync(fleet.attempt("01", 1))).toContain("end.json");
      expect(await fleet.leftovers()).toEqual([]);
    },
    long,
  );
});
