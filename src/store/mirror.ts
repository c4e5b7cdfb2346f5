/**
 * The fleet's own bare repository of one GitHub repository: what is fetched, measured and pushed from. Agents never see it,
 * and work reaches it only as a bundle, so that no git of the host ever reads a folder that an agent can write.
 */
import { dirname } from "node:path";
import { FleetError } from "../model/errors.ts";
import { sleep } from "../system/clock.ts";
import { failPoint } from "../system/fail-point.ts";
import { createOnce, isFolder, makeFolder, removeFile, replaceFile, sizeOf } from "../system/files.ts";
import { throwIfFull } from "../system/machine-trouble.ts";
import { removeTree } from "../system/remove.ts";
import type { ToolResult } from "../system/tools.ts";
import { isBundle } from "./bundle.ts";
import { type GitCall, type GitSettings, git, gitFailure, mayPass, repositoryUrl } from "./git.ts";

const cloneMs = 10 * 60_000;

type More = Pick<GitCall, "cwd" | "stdin" | "env" | "encoding" | "token">;

export class Mirror {
  /**
   * @param path of the bare repository
   * @param attempt names its private refs here (`refs/cw/<attempt>/...`): attempts never meet
   */
  constructor(
    private readonly settings: GitSettings,
    private readonly path: string,
    private readonly repo: string,
    private readonly attempt: string,
  ) {}

  /**
   * Fetches the base branch and, if there is one, the claim.
   * @throws FleetError `github`, `auth`
   */
  async fetch(
    branch: string,
    claimRef: string | null,
    timeoutMs: number,
  ): Promise<{ base: string; claim: string | null }> {
    // Its folder is made by us, since git would leave the mode to the umask.
    if (!isFolder(`${this.path}/objects`)) {
      makeFolder(this.path);
      await this.need(["init", "--quiet", "--bare", "--template=", this.path], timeoutMs);
      failPoint("mirror made");
    }
    const refspecs = this.tips(branch, "base");
    if (claimRef !== null) refspecs.push(`+${claimRef}:${this.ref("claim")}`);
    await this.reach(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", this.url(), ...refspecs], timeoutMs);
    return { base: await this.resolve("base"), claim: claimRef === null ? null : await this.resolve("claim") };
  }

  /** Has the claim's newest commit here, unless it is here already. */
  async fetchClaim(claimRef: string, sha: string, timeoutMs: number): Promise<void> {
    // What is here only by chance could be tidied away.
    if ((await this.git(["update-ref", this.ref("claim"), `${sha}^{commit}`], 30_000)).ok) return;
    const spec = `+${claimRef}:${this.ref("claim")}`;
    await this.reach(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", this.url(), spec], timeoutMs);
  }

  /** Makes the worker's clone, in a folder that no agent has touched yet, on a new branch at the base. */
  async cloneTo(folder: string, branch: string, baseBranch: string): Promise<void> {
    await this.layClone(folder, branch, baseBranch);
    const reset = ["reset", "--quiet", "--hard", `refs/remotes/origin/${baseBranch}`];
    await this.need(reset, cloneMs, { cwd: folder });
    failPoint("clone made");
  }

  /** Makes a clone whose branch is at the head that was taken in, without its files: to write them is left to the isolation. */
  async cloneHead(folder: string, branch: string, baseBranch: string): Promise<void> {
    await this.layClone(folder, branch, baseBranch);
    const inside = { cwd: folder };
    await this.need(["fetch", "--quiet", "--no-tags", this.path, this.ref("head")], cloneMs, inside);
    await this.need(["update-ref", `refs/heads/${branch}`, await this.resolve("head")], cloneMs, inside);
  }

  private async layClone(folder: string, branch: string, baseBranch: string): Promise<void> {
    makeFolder(folder);
    const inside = { cwd: folder };
    await this.need(["init", "--quiet", "--template=", "--initial-branch", branch, folder], cloneMs);
    // A fetch copies the objects that the base reaches, and nothing of other attempts; a hard-linked clone would share all.
    const spec = `+${this.ref("base")}:refs/remotes/origin/${baseBranch}`;
    await this.need(["fetch", "--quiet", "--no-tags", this.path, spec], cloneMs, inside);
    await this.need(["remote", "add", "origin", this.url()], cloneMs, inside);
    // For tools inside that look for excludes; nothing else of a template is wanted.
    makeFolder(`${folder}/.git/info`);
    createOnce(`${folder}/.git/info/exclude`, "");
  }

  /**
   * Takes in a bundle that was made inside the isolation. @returns the commit that it calls HEAD
   * @throws FleetError `environment` for what is none: git would take `gitdir: ...` in such a file for the way to a
   * repository, and read the agent's own, with alternates to other people's objects
   */
  async importBundle(bundle: string, timeoutMs: number): Promise<string> {
    if (!isBundle(bundle)) throw new FleetError("environment", "what came out of the clone is no bundle");
    // Only a fetch from a repository checks objects: git before 2.46 takes those of a bundle as they are.
    const quarantine = `${bundle}.git`;
    const inside = { cwd: quarantine };
    const fetch = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"];
    try {
      makeFolder(quarantine);
      await this.need(["init", "--quiet", "--bare", "--template=", quarantine], timeoutMs);
      replaceFile(`${quarantine}/objects/info/alternates`, `${this.path}/objects\n`);
      await this.need(["update-ref", "refs/heads/base", await this.resolve("base")], timeoutMs, inside);
      await this.need([...fetch, bundle, "+HEAD:refs/heads/head"], timeoutMs, inside);
      await this.need([...fetch, quarantine, `+refs/heads/head:${this.ref("head")}`], timeoutMs);
      return await this.resolve("head");
    } catch (error) {
      if (error instanceof FleetError) throwIfFull(error.message, dirname(bundle));
      throw error;
    } finally {
      await removeTree(quarantine);
    }
  }

  /**
   * Fetches a branch as it is now, beside the base. @returns its commit, and where `head` left its line (null: nowhere)
   */
  async fetchAgain(branch: string, head: string, timeoutMs: number): Promise<{ now: string; fork: string | null }> {
    const specs = this.tips(branch, "now");
    await this.reach(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", this.url(), ...specs], timeoutMs);
    const now = await this.resolve("now");
    return { now, fork: await this.forkOf(now, head, timeoutMs) };
  }

  /** The newest commit that both have; null: their histories have nothing in common. @throws FleetError when git can't tell */
  async forkOf(one: string, other: string, timeoutMs: number): Promise<string | null> {
    const args = ["merge-base", one, other];
    const found = await this.git(args, timeoutMs);
    if (found.code === 1) return null;
    if (!found.ok) throw gitFailure(this.settings, args, found);
    return found.stdout.trim();
  }

  /** What is published from now on. */
  async setHead(sha: string): Promise<void> {
    await this.need(["update-ref", this.ref("head"), sha], 30_000);
  }

  /**
   * Writes the change as a patch that `git apply` takes: as bytes, since files need not be UTF-8.
   * @returns its size; null when git failed. @throws Error with the code ENOSPC
   */
  async savePatch(base: string, head: string, file: string, timeoutMs: number): Promise<number | null> {
    replaceFile(file, ""); // Git would leave the mode to the umask.
    failPoint("patch begun");
    const options = ["--no-ext-diff", "--no-textconv", "--binary", `--output=${file}`];
    const result = await this.git(["diff", ...options, base, head], timeoutMs);
    if (result.ok) return sizeOf(file);
    try {
      throwIfFull(result.stderr, dirname(file));
    } finally {
      removeFile(file); // Half a patch is none.
    }
    return null;
  }

  /** Each new commit as text, also what a later one takes back: all of it would be published. Null when larger than 64 MiB. */
  async changes(base: string, head: string, timeoutMs: number): Promise<string | null> {
    const options = ["--format=", "-p", "-m", "--no-ext-diff", "--no-textconv", "--text"];
    const result = await this.git(["log", ...options, `${base}..${head}`], timeoutMs);
    return result.ok ? result.stdout : null;
  }

  /** Messages of the new commits. */
  async messages(base: string, head: string, timeoutMs: number): Promise<string> {
    return await this.need(["log", "--format=%B", `${base}..${head}`], timeoutMs);
  }

  /** Text of a file at a commit; null when there is none, or it is larger. */
  async fileAt(commit: string, name: string, maxBytes: number): Promise<string | null> {
    const size = await this.git(["cat-file", "-s", `${commit}:${name}`], 30_000);
    if (!size.ok || Number(size.stdout) > maxBytes) return null;
    const blob = await this.git(["cat-file", "blob", `${commit}:${name}`], 30_000);
    return blob.ok ? blob.stdout : null;
  }

  /** Message, tree and server time of a commit that was fetched. */
  async commit(sha: string): Promise<{ message: string; tree: string; committedAt: number }> {
    const text = await this.need(["show", "--no-patch", "--format=%T%n%ct%n%B", sha], 30_000);
    const [tree = "", seconds = "0", ...message] = text.split("\n");
    return { tree, committedAt: Number(seconds) * 1000, message: message.join("\n").trim() };
  }

  /** A commit of the claim chain, made here so that it can be pushed in one go with the work. */
  async commitTree(tree: string, parent: string, message: string): Promise<string> {
    const who = { GIT_AUTHOR_NAME: "claude-workers", GIT_AUTHOR_EMAIL: "claude-workers@localhost" };
    const env = { ...who, GIT_COMMITTER_NAME: who.GIT_AUTHOR_NAME, GIT_COMMITTER_EMAIL: who.GIT_AUTHOR_EMAIL };
    return (await this.need(["commit-tree", tree, "-p", parent, "-F", "-"], 30_000, { stdin: message, env })).trim();
  }

  /**
   * Pushes all updates or none, each only if the remote ref is what we think it is ("" for absent).
   * The caller judges a failure: its reply may have been lost after GitHub acted.
   * @param tries so many there were before; waits first, as long as it is worth it
   */
  async push(
    updates: readonly { from: string; to: string; expect: string }[],
    timeoutMs: number,
    tries: number,
  ): Promise<ToolResult> {
    await sleep(tries === 0 ? 0 : (this.settings.waitsMs[tries - 1] ?? 0));
    const leases = updates.map(({ to, expect }) => `--force-with-lease=${to}:${expect}`);
    const specs = updates.map(({ from, to }) => `${from}:${to}`);
    const result = await this.onGitHub(["push", "--porcelain", "--atomic", ...leases, this.url(), ...specs], timeoutMs);
    failPoint("push sent");
    return result;
  }

  /** Whether a push that was not carried out is worth another try. */
  mayPushAgain(result: ToolResult, tries: number): boolean {
    return mayPass(result) && tries < this.settings.waitsMs.length;
  }

  /** What GitHub's git says now. Absent refs are not in the map. */
  async remoteRefs(refs: readonly string[], timeoutMs: number): Promise<ReadonlyMap<string, string>> {
    const text = await this.reach(["ls-remote", this.url(), ...refs], timeoutMs);
    return new Map(
      text
        .split("\n")
        .filter(Boolean)
        .map((line) => line.split("\t").reverse() as [string, string]),
    );
  }

  pushFailure(result: ToolResult): FleetError {
    return gitFailure(this.settings, ["push"], result);
  }

  /** What the work starts from stays until the worker's next attempt here: a restart goes on with it. */
  async keepBase(sha: string): Promise<void> {
    await this.git(["update-ref", `${this.kept()}/base`, sha], 30_000);
  }

  /** Forgets the refs of this attempt. */
  async forget(): Promise<void> {
    for (const name of ["base", "claim", "head", "now"]) await this.git(["update-ref", "-d", this.ref(name)], 30_000);
  }

  private ref(name: string): string {
    return `refs/cw/${this.attempt}/${name}`;
  }

  /** Refs that outlive the attempt. */
  private kept(): string {
    return `refs/kept/${this.attempt.replace(/-\d+$/, "")}`;
  }

  /** A branch, for this attempt, and for later ones: they need not fetch it all again. */
  private tips(branch: string, name: string): string[] {
    return [this.ref(name), `${this.kept()}/now`].map((to) => `+refs/heads/${branch}:${to}`);
  }

  private url(): string {
    return repositoryUrl(this.settings, this.repo);
  }

  private async resolve(name: string): Promise<string> {
    return (await this.need(["rev-parse", "--verify", `${this.ref(name)}^{commit}`], 30_000)).trim();
  }

  private async git(args: readonly string[], timeoutMs: number, more: More = {}) {
    const own = more.cwd === undefined && args[0] !== "init" ? ["--git-dir", this.path, ...args] : args;
    return await git(this.settings, own, { timeoutMs, ...more });
  }

  private async onGitHub(args: readonly string[], timeoutMs: number): Promise<ToolResult> {
    const { token } = this.settings;
    return await this.git(args, timeoutMs, { token: typeof token === "function" ? await token(this.repo) : token });
  }

  /** Half a minute of trouble on the way to GitHub must not cost a night's work. Only for what changes nothing there. */
  private async reach(args: readonly string[], timeoutMs: number): Promise<string> {
    for (let tries = 0; ; tries++) {
      const result = await this.onGitHub(args, timeoutMs);
      if (result.ok) return result.stdout;
      const wait = this.settings.waitsMs[tries];
      if (wait === undefined || !mayPass(result)) throw gitFailure(this.settings, args, result);
      await sleep(wait);
    }
  }

  /** Git in this repository. @returns what it said. @throws FleetError */
  async need(args: readonly string[], timeoutMs: number, more: More = {}) {
    const result = await this.git(args, timeoutMs, more);
    if (result.ok) return result.stdout;
    throw gitFailure(this.settings, args, result);
  }
}
