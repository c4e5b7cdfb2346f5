/** Git over HTTP: who may, then the real `git http-backend`, streamed both ways. */
import { spawn } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { GitPhase } from "./faults.ts";
import type { Git } from "./git.ts";
import { atLeast, fullName, levelOf, type Repo, type User, type World } from "./world.ts";

export interface GitRequest {
  owner: string;
  name: string;
  service: "git-upload-pack" | "git-receive-pack";
  phase: GitPhase;
  /** Below the repository: info/refs, git-upload-pack or git-receive-pack. */
  file: string;
}

/** The git request that a URL names, if it is one. */
export function gitRequest(method: string, url: URL): GitRequest | undefined {
  const match = /^\/([^/]+)\/([^/]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(url.pathname);
  const [, owner = "", name = "", file = ""] = match ?? [];
  if (!match) return undefined;
  const service = file === "info/refs" ? url.searchParams.get("service") : file;
  if (service !== "git-upload-pack" && service !== "git-receive-pack") return undefined;
  if (method !== (file === "info/refs" ? "GET" : "POST")) return undefined;
  const phase = file === "info/refs" ? "advertise" : service === "git-upload-pack" ? "upload" : "receive";
  return { owner, name, service, phase, file };
}

export interface GitRefusal {
  status: number;
  text: string;
  /** Where it is by now. */
  location?: string;
}

/** Undefined: go on. A repository that the user may not see is 404 with a token, a question for one without. */
export function refuseGit(
  world: World,
  asked: GitRequest,
  viewer: User | undefined,
): { repo: Repo } | { refusal: GitRefusal } {
  const repo = world.findRepo(asked.owner, asked.name);
  const level = repo ? levelOf(repo, viewer) : "none";
  const refuse = (status: number, text: string) => ({ refusal: { status, text } });
  const moved = repo ? undefined : world.movedRepo(asked.owner, asked.name);
  if (moved && levelOf(moved, viewer) !== "none") {
    const query = asked.phase === "advertise" ? `?service=${asked.service}` : "";
    return { refusal: { status: 301, text: "", location: `/${fullName(moved)}.git/${asked.file}${query}` } };
  }
  const push = asked.service === "git-receive-pack";
  if (!viewer && (level === "none" || push)) return refuse(401, "Repository not found or authentication needed.\n");
  if (!repo || level === "none") return refuse(404, "Repository not found.\n");
  if (!push) return { repo };
  const unable = viewer?.grant !== undefined && viewer.grant.permissions["contents"] !== "write";
  if (unable || !atLeast(level, "write")) {
    return refuse(403, `Permission to ${fullName(repo)}.git denied to ${viewer?.login}.\n`);
  }
  if (repo.archived) return refuse(403, "This repository was archived so it is read-only.\n");
  return { repo };
}

export interface BackendOptions {
  /** Runs after git has ended and before the client learns it. @param status what git answered, 500 for nothing */
  done: (status: number) => Promise<void>;
  /** The request's body where it was read already; else it is passed on as it comes. */
  received?: Buffer | undefined;
  /** Lose the answer: act, send nothing, destroy the connection. Or send only half of it. */
  lose?: "all" | "half" | undefined;
}

export class Backend {
  readonly #running = new Set<{ stop: () => void; gone: Promise<void> }>();

  constructor(private readonly git: Git) {}

  async serve(
    asked: GitRequest,
    repo: Repo,
    viewer: User | undefined,
    request: IncomingMessage,
    response: ServerResponse,
    options: BackendOptions,
  ): Promise<void> {
    const child = spawn(this.git.binary, ["http-backend"], {
      env: backendEnv(this.git, asked, repo, viewer, request),
      stdio: ["pipe", "pipe", "ignore"],
      // A group of its own, so that its upload-pack or receive-pack ends with it.
      detached: true,
    });
    const stop = () => {
      try {
        // TERM, not KILL: git then removes its lock files.
        if (child.pid !== undefined && child.pid > 1) process.kill(-child.pid, "SIGTERM");
      } catch {
        // The group has ended already.
      }
    };
    const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const entry = { stop, gone };
    this.#running.add(entry);
    child.stdin.on("error", () => {});
    request.on("error", () => {});
    if (options.received) child.stdin.end(options.received);
    else {
      request.pipe(child.stdin);
      // A client that leaves in the middle ends git's input; git then gives up or finishes by itself, as on a real server.
      response.once("close", () => void child.stdin.end());
    }
    let status = 500;
    let head: Buffer | undefined = Buffer.alloc(0);
    let sent = 0;
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      let body: Buffer = chunk;
      if (head) {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) continue;
        const { code, headers } = cgiHead(head.subarray(0, end).toString("latin1"));
        status = code;
        body = head.subarray(end + 4);
        head = undefined;
        if (options.lose !== "all" && !response.destroyed) response.writeHead(code, headers);
      }
      if (options.lose === "all" || response.destroyed) continue;
      if (options.lose === "half" && sent > 0) continue;
      const part = options.lose === "half" ? body.subarray(0, Math.ceil(body.length / 2)) : body;
      sent += part.length;
      if (!response.write(part)) await drained(response);
    }
    await gone;
    this.#running.delete(entry);
    await options.done(status);
    if (options.lose !== undefined) request.socket.destroy();
    else if (head) response.writeHead(500).end();
    else response.end();
  }

  async close(): Promise<void> {
    const left = [...this.#running];
    for (const entry of left) entry.stop();
    await Promise.all(left.map((entry) => entry.gone));
  }
}

function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.once("drain", done);
    response.once("close", done);
  });
}

function backendEnv(
  git: Git,
  asked: GitRequest,
  repo: Repo,
  viewer: User | undefined,
  request: IncomingMessage,
): Record<string, string> {
  const env: Record<string, string> = {
    ...git.env,
    GIT_PROJECT_ROOT: git.root,
    GIT_HTTP_EXPORT_ALL: "1",
    GIT_HTTP_MAX_REQUEST_BUFFER: "10M",
    PATH_INFO: `${repo.dir.slice(git.root.length)}/${asked.file}`,
    QUERY_STRING: asked.phase === "advertise" ? `service=${asked.service}` : "",
    REQUEST_METHOD: request.method ?? "GET",
    REMOTE_ADDR: "127.0.0.1",
  };
  if (viewer) env["REMOTE_USER"] = viewer.login;
  // No CONTENT_LENGTH: told a length, http-backend spins for ever when a client leaves before it has sent so much.
  const passed = {
    CONTENT_TYPE: "content-type",
    HTTP_CONTENT_ENCODING: "content-encoding",
    GIT_PROTOCOL: "git-protocol",
  };
  for (const [name, header] of Object.entries(passed)) {
    const value = request.headers[header];
    if (typeof value === "string") env[name] = value;
  }
  return env;
}

function cgiHead(text: string): { code: number; headers: Record<string, string> } {
  const headers: Record<string, string> = {};
  let code = 200;
  for (const line of text.split("\r\n")) {
    const [name = "", value = ""] = line.split(/:\s*(.*)/s);
    if (name.toLowerCase() === "status") code = Number.parseInt(value, 10);
    else if (name !== "") headers[name] = value;
  }
  return { code, headers };
}
