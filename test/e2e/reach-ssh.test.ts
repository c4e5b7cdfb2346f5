/** A fleet behind a real ssh server, as a person uses it from a laptop: the installed program, an ordinary user, no terminal. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { noSsh, type Sshd, startSshd } from "../hosts/sshd.ts";
import { type TestFleet, testFleet, until } from "../support/fleet.ts";
import { ordinaryUser } from "../support/user.ts";

if (noSsh) test.skip(`ssh: ${noSsh}`, () => {});

describe.skipIf(noSsh !== null)("over ssh", () => {
  let fleet: TestFleet;
  let sshd: Sshd;
  let laptop: string;

  beforeAll(async () => {
    const user = ordinaryUser();
    fleet = await testFleet({ workers: ["01", "02", "03"], asUser: user, installed: true, isolation: "none" });
    fleet.configure({
      root: fleet.root,
      isolation: "none",
      claude: { path: fleet.env["CW_CLAUDE"] },
      github: { apiUrl: fleet.standin.url, serverUrl: fleet.standin.url },
      repos: { "acme/site": {} },
    });
    chmodSync(fleet.folder, 0o755);
    // Credentials are those that init has stored; the configuration lies where this account does not look by itself.
    sshd = await startSshd(user, fleet.folder, {
      CW_CONFIG: join(fleet.operator, ".config/claude-workers/config.json"),
    });
    laptop = join(fleet.folder, "laptop");
    mkdirSync(laptop, { mode: 0o700 });
    await onLaptop(
      "hosts",
      "add",
      "vps",
      `${sshd.user}@127.0.0.1`,
      "--port",
      String(sshd.port),
      "--command",
      fleet.program,
    );
  }, 180_000);
  afterAll(async () => {
    if (sshd) {
      await onLaptop("hosts", "remove", "vps");
      await sshd.close();
    }
    await fleet?.close();
  }, 60_000);

  const env = () => ({ PATH: `${sshd.bin}:/usr/bin:/bin`, HOME: laptop });
  const spawn = (argv: string[]) => Bun.spawn(argv, { env: env(), cwd: "/", stdio: ["pipe", "pipe", "pipe"] });
  const ended = async (child: ReturnType<typeof spawn>) => {
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { stdout, stderr, code };
  };
  /** Plain ssh; standard input stays open all the time, as it does below cron, CI and editors. */
  const ssh = (...words: string[]) =>
    spawn([join(sshd.bin, "ssh"), "-p", String(sshd.port), `${sshd.user}@127.0.0.1`, fleet.program, ...words]);
  const onLaptop = async (...words: string[]) => {
    const child = spawn([fleet.program, ...words]);
    await child.stdin.end();
    return await ended(child);
  };

  test("dispatch, disconnect, connect, status, watch: without a terminal, with standard input open", async () => {
    const issue = fleet.repo.openIssue({ title: "Say hello", body: "Please." });
    const dispatched = await ended(ssh("dispatch", "-r", "acme/site", "-i", String(issue), "-w", "01", "--json"));
    expect(dispatched.code).toBe(0);
    expect(JSON.parse(dispatched.stdout)).toMatchObject({ worker: "01", issue });
    // The connection is closed; whoever looks in next sees it go on or end.
    const status = await ended(ssh("status", "--json"));
    expect(status).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(status.stdout).workers.map(({ id }: { id: string }) => id)).toEqual(["01", "02", "03"]);
    const watched = await ended(ssh("watch", "01", "--json"));
    expect(watched.code).toBe(0);
    expect(JSON.parse(watched.stdout)).toMatchObject([{ worker: "01", issue, outcome: "delivered" }]);
  }, 120_000);

  test("the PATH is that of shells that are not interactive, and everything works with it", async () => {
    const child = spawn([join(sshd.bin, "ssh"), "-p", String(sshd.port), `${sshd.user}@127.0.0.1`, "echo $PATH"]);
    expect((await ended(child)).stdout.trim().split(":").slice(0, 2)).toEqual(["/usr/local/bin", "/usr/bin"]);
    const doctor = JSON.parse((await ended(ssh("doctor", "--json"))).stdout) as {
      name: string;
      state: string;
      detail: string;
    }[];
    expect(doctor.filter(({ state, name }) => state === "failed" && name !== "isolation")).toEqual([]);
  }, 60_000);

  test("--host: exit codes, errors and JSON as they are there; a prompt through standard input", async () => {
    const here = await fleet.cw(["status", "--json"]);
    expect(await onLaptop("--host", "vps", "status", "--json")).toEqual({ code: 0, stderr: "", stdout: here.stdout });
    for (const words of [
      ["statsu"],
      ["status", "99"],
      ["dispatch", "-r", "acme/site", "-i", "999"],
      ["status", "--jsn"],
    ]) {
      const there = await onLaptop("--host", "vps", ...words, "--json");
      const local = await fleet.cw([...words, "--json"]);
      expect(there).toEqual({ code: local.code, stdout: local.stdout, stderr: local.stderr });
      expect(there.code).toBeGreaterThan(1);
    }
    const child = spawn([
      fleet.program,
      "--host",
      "vps",
      "dispatch",
      "-r",
      "acme/site",
      "-w",
      "02",
      "-p",
      "-",
      "--json",
    ]);
    const prompt = `[[scenario:answer]] [[answer:It's "blue" & $HOME.]]\n${"x".repeat(300_000)}`;
    child.stdin.write(prompt);
    await child.stdin.end();
    expect(await ended(child)).toMatchObject({ code: 0 });
    const end = await fleet.ended("02");
    expect(end).toMatchObject({ outcome: "answered", reason: expect.stringContaining(`It's "blue" & $HOME.`) });
    expect(await Bun.file(join(fleet.attempt("02", 1), "request.md")).text()).toContain(prompt);
  }, 120_000);

  test("the ssh client is killed in the middle of a command: the attempt goes on", async () => {
    const issue = fleet.repo.openIssue({ title: "Take your time", body: "[[scenario:chatty]]" });
    expect(
      await onLaptop("--host", "vps", "dispatch", "-r", "acme/site", "-i", String(issue), "-w", "03"),
    ).toMatchObject({ code: 0 });
    const watching = spawn([fleet.program, "--host", "vps", "watch", "03"]);
    const reader = watching.stdout.getReader();
    await reader.read();
    watching.kill("SIGTERM");
    expect(await watching.exited).not.toBe(0);
    await reader.cancel();
    const plain = ssh("watch", "03");
    await plain.stdout.getReader().read();
    plain.kill("SIGKILL");
    await plain.exited;
    const turns = async () => JSON.parse((await onLaptop("--host", "vps", "status", "03", "--json")).stdout).workers[0];
    const before = await turns();
    expect(before).toMatchObject({ state: "busy" });
    const after = await until("it goes on", async () => {
      const seen = await turns();
      return seen.attempt.lastActivityAt === before.attempt.lastActivityAt ? null : seen;
    });
    expect(after).toMatchObject({ state: "busy", attempt: { id: before.attempt.id, pid: before.attempt.pid } });
    expect(await onLaptop("--host", "vps", "stop", "03")).toMatchObject({ code: 0 });
    expect(await fleet.ended("03")).toMatchObject({ outcome: "stopped" });
    expect(await onLaptop("--host", "vps", "reset", "03")).toMatchObject({ code: 0 });
  }, 180_000);
});
