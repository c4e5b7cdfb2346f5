/** The same damage as records.ts, seen through the built program: every command tells the same, and none does anything to it. */
import { join } from "node:path";
import { installed } from "../support/installed.ts";
import { Fuzzed, judge, openSupervisor, supervisorNow } from "./records.ts";
import type { Harm, Suite } from "./suite.ts";

const workers = Array.from({ length: 20 }, (_, at) => String(at + 1).padStart(2, "0"));
/** What a terminal obeys. */
const unprintable = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
let program = "";

async function run(root: string, args: readonly string[]) {
  const env = {
    ...{ PATH: "/usr/bin:/bin", HOME: root, LANG: "C.UTF-8", NO_COLOR: "1", CW_ROOT: root, CW_ISOLATION: "none" },
    ...{
      CW_CLAUDE: join(import.meta.dir, "../fakes/claude"),
      GH_TOKEN: "ghp_0123456789",
      ANTHROPIC_API_KEY: "sk-0123456789",
    },
    // Nobody listens there.
    ...{ GITHUB_API_URL: "http://127.0.0.1:9", GITHUB_SERVER_URL: "http://127.0.0.1:9" },
  };
  const child = Bun.spawn([program, ...args], { env, cwd: root, stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

export const recordsCli: Suite = {
  name: "records-cli",
  shows: "the same, as status, history, inspect, todos, stop, reset and dispatch of the built program see it",
  full: 100,
  quick: 2,
  open: async () => {
    program = join((await installed()).prefix, "bin/cw");
    return await openSupervisor();
  },
  round: async ({ folder, random }) => {
    const harm: { kind: Harm; detail: string }[] = [];
    const all = workers.map((worker) => {
      const one = new Fuzzed(folder, worker, supervisorNow());
      one.spoil(random);
      return one;
    });
    const said = (one: Fuzzed | null, kind: Harm, what: string) =>
      harm.push({
        kind,
        detail: one ? `worker ${one.worker}, ${one.situation}; ${one.done.join("; ")}: ${what}` : what,
      });

    const status = await run(folder, ["status", "--json"]);
    if (status.code !== 0) said(null, "false", `status: exit ${status.code} ${status.stderr}`);
    const shown = new Map<string, { state: string; reason: string | null }>();
    if (status.code === 0) for (const view of JSON.parse(status.stdout).workers) shown.set(view.id, view);
    for (const one of all) {
      const view = shown.get(one.worker);
      const wrong = view === undefined ? "it is not shown" : judge(one, view.state, view.reason);
      if (wrong !== null) said(one, "false", wrong);
    }

    const any = random.pick(all);
    for (const args of [["status"], ["history"], ["todos"], ["inspect", any.worker], ["logs", any.worker]]) {
      const ran = await run(folder, args);
      if (ran.code !== 0 && ran.code !== 3) said(any, "false", `${args.join(" ")}: exit ${ran.code} ${ran.stderr}`);
      if (unprintable.test(ran.stdout)) said(any, "false", `${args.join(" ")} prints what a terminal obeys`);
    }

    const unknown = random.shuffled(all.filter((one) => typeof one.expected() !== "string")).slice(0, 2);
    for (const one of unknown) {
      const { worker } = one;
      for (const args of [
        ["stop", worker],
        ["reset", "-f", worker],
        ["dispatch", "-r", "acme/site", "-p", "x", "-w", worker],
      ]) {
        const ran = await run(folder, [...args, "--json"]);
        const { error } = ran.stderr === "" ? { error: {} } : JSON.parse(ran.stderr.trim().split("\n").at(-1) ?? "{}");
        const reason = shown.get(worker)?.reason ?? "";
        if (ran.code !== 5 || !String(error?.message).includes(reason.slice(0, 200)))
          said(one, "false", `${args.join(" ")}: exit ${ran.code} ${ran.stdout} ${ran.stderr}`);
      }
      if (one.store.attempts.newest(worker) !== 1) said(one, "doubled", "a second attempt was reserved");
    }
    return { tried: workers.length, harm };
  },
};
