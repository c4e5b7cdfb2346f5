/**
 * The composition root: settings in, the fleet and its verbs out. The only file that names every implementation. All that
 * is heavy is imported when it is first used: `status` needs no Octokit.
 */
import { closeSync, existsSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import { appVariables, privateKeyOf } from "./config/app-key.ts";
import { carried } from "./config/carried.ts";
import type { Loaded } from "./config/load.ts";
import type { Config } from "./config/schema.ts";
import type { Dispatched } from "./fleet/dispatch.ts";
import type { Check } from "./fleet/doctor.ts";
import type { HostStatus } from "./fleet/everywhere.ts";
import { type Fleet, settingsOf } from "./fleet/fleet.ts";
import type { HistoryRequest } from "./fleet/history.ts";
import type { Initialised, InitRequest } from "./fleet/init.ts";
import type { LogsRequest } from "./fleet/logs.ts";
import type { Plan } from "./fleet/plan.ts";
import type { Reconciled } from "./fleet/reconcile.ts";
import type { Refreshed } from "./fleet/refresh.ts";
import type { DispatchRequest } from "./fleet/request.ts";
import type { Reset } from "./fleet/reset.ts";
import type { WorkerView } from "./fleet/snapshot.ts";
import type { Stopped } from "./fleet/stop.ts";
import type { Todo } from "./fleet/todos.ts";
import type { Updated } from "./fleet/update.ts";
import type { Inspected, InspectRequest } from "./fleet/watch.ts";
import type { Hosts } from "./hosts/hosts.ts";
import type { End } from "./model/attempt.ts";
import { FleetError } from "./model/errors.ts";
import type { FleetEvent } from "./model/events.ts";
import { parseFailPoint } from "./model/fail-points.ts";
import type { AppKey } from "./model/github-app.ts";
import type { Stray } from "./model/strays.ts";
import type { Schedules } from "./scheduler/cron.ts";
import type { Explanation } from "./scheduler/explain.ts";
import type { Tick, TickRequest } from "./scheduler/tick.ts";
import { openStore } from "./store/store.ts";
import { armFailPoint } from "./system/fail-point.ts";
import { bunFlags, bunPath, launcher, moduleFile, packageRoot } from "./system/self.ts";

/** What loading the configuration gives. */
export interface Settings {
  readonly config: Config;
  readonly secrets: Loaded["secrets"];
  /** Where values came from: of a variable of the environment, its name. */
  readonly origins: ReadonlyMap<string, string>;
  /** Absolute path of the configuration file, whether it exists or not. */
  readonly file: string;
  /** PATH to find tools on: absolute folders only. */
  readonly toolPath: string;
  /** The operator's HOME. */
  readonly home: string;
  /** For tests: the step at which this process, or its supervisor, kills itself. */
  readonly failPoint?: string | undefined;
}

/** The verbs of a fleet. */
export interface App {
  readonly settings: Settings;
  init(request: InitRequest): Promise<Initialised[]>;
  dispatch(request: DispatchRequest): Promise<Dispatched>;
  /** Goes on with the last task of a worker that did not end well. */
  restart(worker: string, options?: { fresh?: boolean; signal?: AbortSignal | undefined }): Promise<Dispatched>;
  /** What dispatch would do. Reads the disk, calls nobody. */
  plan(request: DispatchRequest): Promise<Plan>;
  /** One tick: reconcile, read, select, dispatch. */
  assign(request: TickRequest): Promise<Tick>;
  /** Why an issue is, or is not, taken up. @param issue `owner/repo#22` */
  explain(issue: string): Promise<Explanation>;
  /** The newest program, or that version, then the workers' HOMEs. */
  update(version: string | null): Promise<Updated>;
  /** Runs a command, by default a shell, as an idle worker, on this process's own terminal. @returns its exit code */
  shell(worker: string, argv: readonly string[]): Promise<number>;
  /** Assign by the clock of the machine. */
  cron(): Promise<Schedules>;
  /** The other machines of this operator. */
  hosts(): Promise<Hosts>;
  /** The status of this machine and of all hosts. */
  everywhere(): Promise<HostStatus[]>;
  /** Mends what crashes left, as dispatch, restart and assign do by themselves. @param except a worker that is left alone */
  reconcile(except?: string): Promise<Reconciled>;
  /** Each prerequisite, checked by doing it. */
  doctor(): Promise<Check[]>;
  /** Claims and labels on GitHub that match no task of this fleet. */
  strays(): Promise<Stray[]>;
  /** Stores the credentials of the environment, and makes the HOME of idle workers anew. */
  refresh(ids: readonly string[]): Promise<Refreshed[]>;
  /** The agents' own lists of things to do. @param ids default: all */
  todos(ids?: readonly string[]): Promise<{ worker: string; todos: Todo[] }[]>;
  /** The last events of a worker's newest attempt, and those that come. */
  inspect(request: InspectRequest): Promise<Inspected>;
  status(ids?: readonly string[]): Promise<WorkerView[]>;
  stop(worker: string): Promise<Stopped | null>;
  reset(worker: string, options?: { force?: boolean }): Promise<Reset>;
  watch(workers: readonly string[]): AsyncGenerator<FleetEvent, End[]>;
  logs(request: LogsRequest): AsyncGenerator<string>;
  history(request?: HistoryRequest): Promise<End[]>;
  /** Runs one attempt in this process; for `_attempt` alone. @returns false when another process runs it */
  supervise(worker: string, n: number, shutdown: AbortSignal): Promise<boolean>;
}

/** @param heard told of each event as this process writes it */
export async function openApp(settings: Settings, heard: (event: FleetEvent) => void = () => {}): Promise<App> {
  const failing = settings.failPoint === undefined ? null : parseFailPoint(settings.failPoint);
  if (failing) armFailPoint(failing.name, failing.nth);
  const fleet = composeFleet(settings, heard);
  const clock = async () => {
    const { flags, env } = carried(settings);
    const { home, toolPath } = settings;
    return (await import("./scheduler/cron.ts")).schedules(fleet, {
      home,
      toolPath,
      argv: [launcher, ...flags],
      env,
    });
  };
  return {
    settings,
    init: async (request) => (await import("./fleet/init.ts")).init(fleet, request),
    dispatch: async (request) => {
      const { dispatch } = await import("./fleet/dispatch.ts");
      return await afterReconcile(fleet, () => dispatch(fleet, request));
    },
    restart: async (worker, options) => {
      const { restart } = await import("./fleet/restart.ts");
      return await afterReconcile(fleet, () => restart(fleet, worker, options));
    },
    refresh: async (ids) => (await import("./fleet/refresh.ts")).refresh(fleet, ids),
    todos: async (ids) => (await import("./fleet/todos.ts")).todos(fleet, ids),
    inspect: async (request) => (await import("./fleet/watch.ts")).inspect(fleet, request),
    assign: async (request) => (await import("./scheduler/tick.ts")).tick(fleet, request),
    explain: async (issue) => (await import("./scheduler/explain.ts")).explain(fleet, issue),
    strays: async () => (await import("./scheduler/strays.ts")).strays(fleet),
    update: async (version) => (await import("./fleet/update.ts")).update(fleet, version, carried(settings)),
    shell: async (worker, argv) => (await import("./fleet/shell.ts")).shell(fleet, worker, argv),
    cron: clock,
    hosts: async () => await hostsOf(settings),
    everywhere: async () => {
      const { snapshot } = await import("./fleet/snapshot.ts");
      const here = { root: settings.config.root, workers: snapshot(fleet) };
      return await (await import("./fleet/everywhere.ts")).everywhere(await hostsOf(settings), here);
    },
    doctor: async () => {
      const { doctor } = await import("./fleet/doctor.ts");
      const { checkCron } = await import("./scheduler/cron-check.ts");
      return [...(await doctor(fleet)), await checkCron(await clock(), launcher)];
    },
    plan: async (request) => (await import("./fleet/plan.ts")).plan(fleet, request),
    reconcile: async (except) => (await import("./fleet/reconcile.ts")).reconcile(fleet, except),
    status: async (ids) => (await import("./fleet/snapshot.ts")).snapshot(fleet, ids),
    stop: async (worker) => (await import("./fleet/stop.ts")).stop(fleet, worker),
    reset: async (worker, options) => (await import("./fleet/reset.ts")).reset(fleet, worker, options?.force ?? false),
    async *watch(workers) {
      return yield* (await import("./fleet/watch.ts")).watch(fleet, workers);
    },
    async *logs(request) {
      yield* (await import("./fleet/logs.ts")).logs(fleet, request);
    },
    history: async (request) => (await import("./fleet/history.ts")).history(fleet, request),
    supervise: async (worker, n, shutdown) => {
      const { supervise } = await import("./fleet/supervise.ts");
      return supervise({ ...fleet, github: githubOf(settings, "patient") }, worker, n, shutdown);
    },
  };
}

async function afterReconcile(fleet: Fleet, start: () => Promise<Dispatched>): Promise<Dispatched> {
  const { reconcile } = await import("./fleet/reconcile.ts");
  const { repaired, failed } = await reconcile(fleet);
  const done = await start();
  return { ...done, repaired, remarks: [...failed, ...done.remarks] };
}

function composeFleet(settings: Settings, heard: (event: FleetEvent) => void): Fleet {
  const { config, secrets, toolPath, home } = settings;
  const store = openStore(config.root);
  const hidden = [home, config.root];
  return {
    store,
    config,
    credentials: { ...secrets, githubToken: secrets.githubToken ?? null },
    operatorHome: home,
    templates: join(packageRoot, "templates"),
    heard,
    github: githubOf(settings, "hurried"),
    git: (credentials) => {
      const program = Bun.which("git", { PATH: toolPath, cwd: "/" });
      if (program === null)
        throw new FleetError("environment", "git is not installed", { hint: "apt-get install git" });
      const { serverUrl } = config.github;
      const { githubApp: app, githubToken = null } = credentials ?? {};
      const token = app ? async (repo: string) => (await tokensOf(settings, app)).forRepository(repo) : githubToken;
      return { program, toolPath, home: store.paths.control, serverUrl, token, waitsMs: [1000, 4000, 9000, 16_000] };
    },
    agent: async (name) => {
      if (name === "dry-run") {
        const { dryRunAgent } = await import("./agents/dry-run.ts");
        return dryRunAgent({ bun: bunPath, packageRoot, rehearsal: moduleFile("rehearsal") });
      }
      const { claudeAgent } = await import("./agents/claude.ts");
      const voiceServer = moduleFile("voice-server");
      return claudeAgent({
        path: config.claude.path,
        searchPath: toolPath,
        bun: bunPath,
        packageRoot,
        voiceServer,
        hidden,
      });
    },
    chooseIsolation: async () => {
      const { chooseIsolation } = await import("./isolation/choose.ts");
      const { probeIsolation } = await import("./isolation/probe.ts");
      return chooseIsolation(config.isolation, await probeIsolation({ searchPath: toolPath }));
    },
    isolation: async (name) => {
      if (name === "none") return (await import("./isolation/none.ts")).none();
      if (name === "settings") return (await import("./isolation/settings.ts")).settings();
      const { bubblewrap } = await import("./isolation/bubblewrap.ts");
      const { systemFolders } = await import("./isolation/system-folders.ts");
      const program = Bun.which("bwrap", { PATH: toolPath, cwd: "/" });
      if (program === null)
        throw new FleetError("environment", "bubblewrap is not installed", { hint: "apt-get install bubblewrap" });
      return bubblewrap(systemFolders(program), {
        argv: [bunPath, ...bunFlags(packageRoot), moduleFile("forwarder")],
        needs: [bunPath, packageRoot],
      });
    },
    openNetwork: async (request) => (await import("./isolation/network.ts")).openNetwork(request),
    moveToScope: async (worker, n) => {
      const { unitName } = await import("./model/user-scope.ts");
      const { moveToScope } = await import("./system/user-units.ts");
      return await moveToScope(`${unitName(config.root)}-${worker}-${n}`, home, toolPath, config.limits);
    },
    startSupervisor: (worker, n, credentials, log) => {
      const file = existsSync(settings.file) ? ["--config", settings.file] : [];
      // One file for both streams, private from the start.
      const output = openSync(log, "a", 0o600);
      const started = Bun.spawn([launcher, "--root", config.root, ...file, "_attempt", worker, String(n)], {
        cwd: "/",
        detached: true,
        stdio: ["ignore", output, output],
        env: supervisorEnvironment(settings, credentials),
      });
      closeSync(output);
      started.unref();
      return started.pid;
    },
  };
}

async function hostsOf({ file, toolPath }: Settings): Promise<Hosts> {
  return (await import("./hosts/hosts.ts")).hosts(join(dirname(file), "hosts.json"), toolPath);
}

function githubOf(settings: Settings, patience: "hurried" | "patient"): Fleet["github"] {
  return async ({ githubApp, githubToken }) => {
    const token = githubApp ? await tokensOf(settings, githubApp) : githubToken;
    const { GitHub } = await import("./issues/github.ts");
    const { hurried, patient } = await import("./issues/octokit.ts");
    const { apiUrl } = settings.config.github;
    return new GitHub({ apiUrl, token, patience: patience === "patient" ? patient : hurried });
  };
}

async function tokensOf({ config, home }: Settings, app: AppKey) {
  const { tokensOfApp } = await import("./issues/app-tokens.ts");
  const workflows = (repo: string) => settingsOf({ config }, repo)?.workflows ?? false;
  const privateKey = await privateKeyOf(app, home, config.root);
  return tokensOfApp({ apiUrl: config.github.apiUrl, id: app.id, privateKey, workflows });
}

/** From nothing: what the configuration came to, and the credentials of this worker. */
function supervisorEnvironment(settings: Settings, credentials: Fleet["credentials"]): Record<string, string> {
  const { config, home, toolPath } = settings;
  return {
    PATH: toolPath,
    HOME: home,
    LANG: "C.UTF-8",
    // Where no configuration file is, an env file beside it may be.
    XDG_CONFIG_HOME: dirname(dirname(settings.file)),
    CW_AGENT: config.agent,
    CW_ISOLATION: config.isolation,
    CW_MODEL: config.model,
    GITHUB_API_URL: config.github.apiUrl,
    GITHUB_SERVER_URL: config.github.serverUrl,
    ...(config.claude.path === null ? {} : { CW_CLAUDE: config.claude.path }),
    ...(credentials.githubToken === null ? {} : { GH_TOKEN: credentials.githubToken }),
    ...appVariables(credentials.githubApp),
    ...credentials.provider,
    ...(settings.failPoint === undefined ? {} : { CW_FAILPOINT: settings.failPoint }),
  };
}
