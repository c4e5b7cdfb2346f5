import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const program = join(import.meta.dir, "frame-program.ts");
const lingering = join(import.meta.dir, "lingering-program.ts");
const home = mkdtempSync(join(tmpdir(), "cw-frame-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

async function cw(args: string[], env: Record<string, string> = {}, main = program) {
  const child = Bun.spawn([process.execPath, main, ...args], {
    env: { PATH: "/usr/bin:/bin", HOME: home, ...env },
    cwd: home,
    stdio: ["ignore", "pipe", "pipe"],
    // What never ends is told by its exit code.
    timeout: 30_000,
    killSignal: "SIGKILL",
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { out, err, code };
}

const echoed = { id: [], repo: [], model: "sonnet", "dry-run": false, wait: true };

describe("arguments that are right", () => {
  const rows: [string[], object][] = [
    [[], {}],
    [["a", "b"], { id: ["a", "b"] }],
    [["-r", "x/y", "--repo", "z/w", "--repo=-v"], { repo: ["x/y", "z/w", "-v"] }],
    [["--model=opus=4"], { model: "opus=4" }],
    [["-p", "-"], { prompt: "-" }],
    [["--prompt=--json"], { prompt: "--json" }],
    [["-p", "two words"], { prompt: "two words" }],
    [["--dry-run", "a"], { "dry-run": true, id: ["a"] }],
    [["--no-wait"], { wait: false }],
    [["--how", "coldly"], { how: "coldly" }],
    [["a", "--", "-b", "--repo=c", "--json"], { id: ["a", "-b", "--repo=c", "--json"] }],
    [["--no-color", "a"], { id: ["a"] }],
  ];
  for (const [args, expected] of rows) {
    test(args.join(" ") || "(none)", async () => {
      const { out, err, code } = await cw(["echo", ...args]);
      expect(err).toBe("");
      expect(JSON.parse(out)).toEqual({ ...echoed, ...expected });
      expect(code).toBe(0);
    });
  }

  test("global flags may come before the command", async () => {
    const { out, code } = await cw(["--root", "/r", "--json", "config"]);
    expect(JSON.parse(out)).toMatchObject({ root: "/r" });
    expect(code).toBe(0);
  });
});

describe("arguments that are wrong", () => {
  const rows: [string[], string][] = [
    [["nothing"], "unknown command nothing (hint: cw --help)"],
    [["ecko"], "unknown command ecko (hint: did you mean cw echo?)"],
    [["toString"], "unknown command toString (hint: cw --help)"],
    [["__proto__"], "unknown command __proto__ (hint: cw --help)"],
    [["hidden"], "unknown command hidden (hint: cw --help)"],
    [["--jsn"], "unknown flag --jsn (hint: did you mean --json?)"],
    [["--json"], '{"error":{"code":"usage","message":"no command given","hint":"cw --help"}}'],
    [["echo", "--repos", "x"], "unknown flag --repos (hint: did you mean --repo?)"],
    [["echo", "--dryrun"], "unknown flag --dryrun (hint: did you mean --dry-run?)"],
    [["echo", "--dryRun"], "unknown flag --dryRun (hint: did you mean --dry-run?)"],
    [["echo", "-z"], "unknown flag -z (hint: cw echo --help)"],
    [["echo", "--no-dry-run"], "unknown flag --no-dry-run (hint: did you mean --dry-run?)"],
    [["echo", "-r"], "-r needs a value (hint: cw echo --help)"],
    [["echo", "-r", "-x"], "-r needs a value: --repo=VALUE (hint: cw echo --help)"],
    [["echo", "--repo="], "--repo needs a value (hint: cw echo --help)"],
    [["echo", "--dry-run=yes"], "--dry-run takes no value (hint: cw echo --help)"],
    [["echo", "-m", "a", "--model", "b"], "--model was given twice (hint: cw echo --help)"],
    [["echo", "--how", "kindli"], "--how is one of kindly, coldly, not kindli (hint: did you mean kindly?)"],
    [["two", "-M", "x"], "<first> is missing (hint: cw two --help)"],
    [["two", "a"], "-M, --must is missing (hint: cw two --help)"],
    [["two", "-M", "x", "a", "b", "c"], "unexpected argument: c (hint: cw two --help)"],
    [["echo", "--\u001b[31mred"], "unknown flag --red (hint: cw echo --help)"],
  ];
  for (const [args, expected] of rows) {
    test(args.join(" "), async () => {
      const { out, err, code } = await cw(args);
      expect(err.trimEnd()).toBe(expected);
      expect(out).toBe("");
      expect(code).toBe(2);
    });
  }
});

describe("results and failures", () => {
  test("text, and the exit code that the command names", async () => {
    expect(await cw(["two", "a", "-M", "x"])).toEqual({ out: "a\nnone\nx\n", err: "", code: 8 });
  });

  test("--json is one document", async () => {
    const { out, code } = await cw(["two", "a", "-M", "x", "--json"]);
    expect(JSON.parse(out)).toEqual({ first: "a", must: "x" });
    expect(code).toBe(8);
  });

  test("a failure is one line with its hint, without control characters", async () => {
    const { out, err, code } = await cw(["busy"]);
    expect({ out, err, code }).toEqual({ out: "", err: "worker 01 is busy now (hint: cw stop 01)\n", code: 4 });
  });

  test("a failure with --json", async () => {
    const { out, err, code } = await cw(["busy", "--json"]);
    expect(JSON.parse(err)).toEqual({ error: { code: "busy", message: "worker 01 is busy now", hint: "cw stop 01" } });
    expect({ out, code }).toEqual({ out: "", code: 4 });
  });

  test("a bug shows its stack and where to report it", async () => {
    const { out, err, code } = await cw(["bug"]);
    expect(err).toContain("TypeError: no such thing\n    at ");
    expect(err).toContain("https://");
    expect({ out, code }).toEqual({ out: "", code: 1 });
    expect(JSON.parse((await cw(["bug", "--json"])).err).error.code).toBe("bug");
  });

  test("a stream: progress on standard error, lines and the end on standard output", async () => {
    const { out, err, code } = await cw(["stream"]);
    expect(err).toBe("begins\nwarning: take care\n");
    const lines = out.split("\n");
    expect([lines.length, lines[0]?.slice(0, 7), lines.at(-2)]).toEqual([20_002, "line 0 ", "ends"]);
    expect(code).toBe(0);
  });

  test("a stream with --json prints only its document", async () => {
    expect(JSON.parse((await cw(["stream", "--json"])).out)).toEqual([false, false, 80]);
  });

  test("a reader that goes away is no error", async () => {
    const script = '"$0" "$1" stream | head -n 1; echo "$PIPESTATUS"';
    const child = Bun.spawn(["bash", "-c", script, process.execPath, program], {
      env: { PATH: "/usr/bin:/bin", HOME: home },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    expect(out.replace(/x+/, "")).toBe("line 0 \n0\n");
    expect(err).toBe("begins\nwarning: take care\n");
  });

  test("a full disk under standard output is a failure", async () => {
    const child = Bun.spawn([process.execPath, program, "echo"], {
      env: { PATH: "/usr/bin:/bin", HOME: home },
      stdio: ["ignore", Bun.file("/dev/full"), "pipe"],
    });
    const [err, code] = await Promise.all([child.stderr.text(), child.exited]);
    expect(err).toContain("standard output can't be written (ENOSPC)");
    expect(code).toBe(5);
  });
});

describe("help and version", () => {
  test("the program's help lists commands by group, within 80 columns, without hidden ones", async () => {
    const { out, code } = await cw(["--help"]);
    expect(code).toBe(0);
    expect(out).toMatch(/\nWork:\n {2}echo {4}A command of the tests\n/);
    expect(out).not.toContain("_hidden");
    expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect((await cw([])).out).toBe(out);
    expect((await cw(["-h", "--no-color"])).out).toBe(out);
  });

  test("a command's help names its arguments, flags and an example, whatever else is wrong", async () => {
    const { out, code } = await cw(["two", "--help", "--nonsense"]);
    expect(code).toBe(0);
    expect(out).toContain("Usage: cw two <first> [second] [FLAGS]\n");
    expect(out).toContain("  -M, --must X  a must (required)\n");
    expect(out).toContain("Example: cw two");
    expect((await cw(["echo", "-h"])).out).toContain("      --no-wait      return at once\n");
  });

  test("the version, anywhere", async () => {
    const { version } = await Bun.file(join(import.meta.dir, "../../package.json")).json();
    for (const args of [["--version"], ["-v"], ["--no-color", "--version"], ["echo", "--version"]]) {
      expect(await cw(args)).toEqual({ out: `${version}\n`, err: "", code: 0 });
    }
  });

  test("neither loads zod, execa, Octokit or consola, and the version loads nothing", async () => {
    const list = join(home, "loaded");
    const loaded = async (...args: string[]) => {
      await cw(args, { CW_LOADED: list });
      return readFileSync(list, "utf8").split("\n");
    };
    const heavy = (files: string[]) => files.filter((file) => file.includes("/node_modules/"));
    expect(heavy(await loaded("--help"))).toEqual([]);
    expect(heavy(await loaded("two", "--help"))).toEqual([]);
    const own = (await loaded("--version")).filter((file) => file.includes("/src/"));
    expect(own.map((file) => file.replace(/.*\/src\//, ""))).not.toContain("cli/run.ts");
    // The witness itself sees what is loaded.
    expect(heavy(await loaded("config")).some((file) => file.includes("/zod/"))).toBe(true);
  });
});

describe("configuration on the command line", () => {
  test("flags win over the environment, it over the file", async () => {
    const folder = join(home, ".config/claude-workers");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "config.json"), JSON.stringify({ root: "from-file", model: "opus" }));
    expect((await cw(["config"])).out).toBe(`${join(folder, "from-file")}\n`);
    expect((await cw(["config"], { CW_ROOT: "from-env" })).out).toBe(`${join(home, "from-env")}\n`);
    expect((await cw(["config", "--root", "from-flag"], { CW_ROOT: "x" })).out).toBe(`${join(home, "from-flag")}\n`);
    expect(JSON.parse((await cw(["config", "--json"], { CW_MODEL: "haiku" })).out).model).toBe("haiku");
  });

  test("a wrong file is told, exit 9, and stops neither --help nor --version", async () => {
    const file = join(home, "wrong.json");
    writeFileSync(file, JSON.stringify({ limits: { wal: "2h" } }));
    const { out, err, code } = await cw(["config", "--config", file]);
    expect({ out, err, code }).toEqual({
      out: "",
      err: `${file}: unknown key limits.wal; did you mean wall?\n`,
      code: 9,
    });
    expect((await cw(["config", "--help", "--config", file])).code).toBe(0);
    chmodSync(file, 0o666);
    expect((await cw(["config"], { CW_CONFIG: file })).err).toBe(
      `${file}: can be written by others (hint: chmod go-w '${file}')\n`,
    );
  });
});

test("a supervisor that is done ends, also with something left open, and with its own exit code", async () => {
  const rows = [
    ["1", 0, ""],
    ["2", 5, expect.stringContaining("the disk is full")],
  ] as const;
  for (const [attempt, code, err] of rows)
    expect(await cw(["_attempt", "01", attempt], {}, lingering)).toMatchObject({ code, err });
});
