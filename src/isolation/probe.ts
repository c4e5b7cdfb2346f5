/** What this machine can isolate with, found by doing it: a version number proves nothing about namespaces. */
import { realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inTemporaryFolder } from "../system/temporary.ts";
import type { ToolResult } from "../system/tools.ts";
import { bubblewrap } from "./bubblewrap.ts";
import { type SystemFolders, systemFolders } from "./system-folders.ts";

export interface Probe {
  readonly works: boolean;
  /** Why not, in the words of the tool; null when it works. */
  readonly reason: string | null;
}

export interface IsolationFacts {
  readonly root: boolean;
  /** Null where bubblewrap is not installed. */
  readonly system: SystemFolders | null;
  readonly bubblewrap: Probe;
  /** Bubblewrap in bubblewrap with socat and ripgrep: what Claude's own sandbox needs inside ours. */
  readonly nested: Probe;
  /** What Claude's own sandbox needs without ours around it. */
  readonly settings: Probe;
}

/** The way in which Claude's sandbox calls bubblewrap, with the tools that it looks for beforehand. */
const asClaudeDoes = `
for tool in bwrap socat rg; do
  command -v $tool >/dev/null || { echo "$tool is not installed" >&2; exit 1; }
done
exec bwrap --new-session --die-with-parent --ro-bind / / --unshare-net --unshare-pid --unshare-user --dev /dev --proc /proc \
  -- /bin/sh -c :`;

const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const timeoutMs = 10_000;

/** Takes about 30 ms. @param options.searchPath where bubblewrap is looked for: colon-separated absolute folders. */
export async function probeIsolation(options: { readonly searchPath?: string } = {}): Promise<IsolationFacts> {
  const root = process.getuid?.() === 0;
  const found = Bun.which("bwrap", { PATH: options.searchPath ?? path, cwd: "/" });
  if (found === null) {
    const missing = { works: false, reason: "bubblewrap is not installed" };
    return { root, system: null, bubblewrap: missing, nested: missing, settings: missing };
  }
  const system = systemFolders(realpathSync(found));
  const [outer, nested, alone] = await Promise.all([
    inside(system, ["/bin/sh", "-c", ":"]),
    inside(system, ["/bin/sh", "-c", asClaudeDoes]),
    run(["/bin/sh", "-c", asClaudeDoes]),
  ]);
  return { root, system, bubblewrap: outer, nested, settings: alone };
}

async function inside(system: SystemFolders, argv: [string, ...string[]]): Promise<Probe> {
  return await inTemporaryFolder("probe", async (home) => {
    const space = { home, hidden: [], readOnly: [], protect: [join(home, ".probe")] };
    const { argv: wrapped, inputs = [] } = bubblewrap(system).wrap({ argv, env: {}, cwd: home }, space);
    for (const { fd, bytes } of inputs) writeFileSync(join(home, String(fd)), bytes);
    const more = inputs.map(({ fd }) => `${fd}<"$0/${fd}"`).join(" ");
    return await run(["/bin/sh", "-c", `exec "$@" 3>/dev/null ${more}`, home, ...wrapped]);
  });
}

async function run(argv: [string, ...string[]]): Promise<Probe> {
  const { runTool } = await import("../system/tools.ts");
  const result = await runTool({ argv, env: { PATH: path }, cwd: "/", timeoutMs });
  return result.ok ? { works: true, reason: null } : { works: false, reason: words(result) };
}

function words(result: ToolResult): string {
  if (result.timedOut) return "bubblewrap did not answer in time";
  return result.stderr.trim().split("\n").at(-1) || `bubblewrap ended with ${result.code}`;
}
