/** `cw demo`: the whole way from three issues to their pull requests, on a GitHub of its own. */
import { wishes } from "../../demo/cast.ts";
import type { Stage } from "../../demo/stage.ts";
import { FleetError } from "../../model/errors.ts";
import { meaningOf } from "../../model/outcome.ts";
import { eventLine } from "../../reports/event-line.ts";
import { cut } from "../../reports/table.ts";
import { type CommandFactory, defineCommand, type Out, type Report } from "../command.ts";
import { liveView } from "../live.ts";

const command: CommandFactory = (_app, out) =>
  defineCommand({
    meta: {
      name: "demo",
      description:
        "Shows the whole way, in about ten seconds: a local GitHub with a small repository and three issues, two workers, their pull requests, diffs and figures. Uses the real Claude Code with a scripted model where it is installed, the real model only with --agent claude, nothing of your own fleet, and leaves nothing behind.",
      example: "cw demo --keep",
    },
    args: {
      agent: {
        type: "enum",
        options: wishes,
        description: "claude uses your credential where there is one, and real money",
      },
      keep: { type: "boolean", description: "leave the local GitHub and the fleet up until Ctrl-C" },
    },
    run: async ({ agent, keep }) => {
      const signal = interrupted();
      const { setStage } = await import("../../demo/stage.ts");
      const stage = await setStage(agent);
      try {
        const report = await play(stage, out, signal);
        const gone = "Everything was taken down again.";
        if (!keep) return { ...report, text: [...report.text, gone] };
        await keepUp(stage, out, report, signal);
        return { ...report, text: gone };
      } catch (error) {
        // What an interrupted step says of itself is beside the point.
        if (!signal.aborted) throw error;
        throw new FleetError("outcome", "interrupted: everything was ended and removed");
      } finally {
        await stage.close();
      }
    },
  });
export default command;

type Shown = Report & { readonly text: readonly string[] };

async function play(stage: Stage, out: Out, signal: AbortSignal): Promise<Shown> {
  const { app, github, token, cast } = stage;
  const [{ perform }, { gather }, { reportLines }, { issues, repoName }, { workers }] = await Promise.all([
    import("../../demo/perform.ts"),
    import("../../demo/evidence.ts"),
    import("../../demo/report.ts"),
    import("../../demo/project.ts"),
    import("../../demo/stage.ts"),
  ]);
  const numbers = issues.map((_, index) => index + 1);
  await out.line(`Three issues of ${repoName} on a local GitHub (${github.url}), two workers.`);
  await out.line(cast.announcement);
  // Says now what dispatch would say in the middle of the view: what keeps the agent in, or that nothing can.
  for (const remark of (await app.plan({ repo: repoName, issue: 1 })).remarks) await out.warn(remark);
  const view = out.live ? liveView(out, () => app.status(workers)) : null;
  try {
    const performed = await perform(
      app,
      workers,
      numbers,
      async (event) => {
        const line = eventLine(event);
        if (line === null) return;
        if (view === null) await out.line(line);
        else if (event.type === "attempt:ended") await view.line(cut(line, out.columns));
      },
      signal,
    );
    await view?.end();
    const all = await Promise.all(performed.map((one) => gather(github, token, one)));
    const ends = performed.flatMap(({ end }) => end ?? []);
    const verified = all.filter(({ end, problems }) => end && meaningOf(end.outcome).good && problems.length === 0);
    const text = [...reportLines(all, out), `${verified.length} of ${all.length} verified.`];
    return {
      text,
      json: ends.map(({ version: _, ...end }) => end),
      exit: verified.length === all.length ? "ok" : "outcome",
    };
  } catch (error) {
    await view?.end();
    throw error;
  }
}

/** Prints the report now and returns at the first interrupt. */
async function keepUp(stage: Stage, out: Out, report: Shown, signal: AbortSignal): Promise<void> {
  const { repoName } = await import("../../demo/project.ts");
  const exports = Object.entries(stage.environment).map(([name, value]) => `export ${name}=${value}`);
  const say = out.json ? (text: string) => out.note(text) : (text: string) => out.line(text);
  for (const line of report.text) await out.line(line);
  const lines = [
    "",
    "The local GitHub and the fleet stay up until Ctrl-C. In another terminal:",
    "",
    ...exports.map((line) => `  ${line}`),
    "",
    "  cw status; cw history; cw logs 01",
    `  git clone ${stage.github.url}/${repoName}.git`,
    `  curl -H "Authorization: Bearer $GH_TOKEN" ${stage.github.url}/repos/${repoName}/pulls`,
  ];
  for (const line of lines) await say(line);
  if (signal.aborted) return;
  await new Promise<void>((done) => signal.addEventListener("abort", () => done(), { once: true }));
}

/** One interrupt is enough, and a second must not keep the first from cleaning up. */
function interrupted(): AbortSignal {
  const abort = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => abort.abort());
  return abort.signal;
}
