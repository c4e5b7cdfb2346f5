import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  crontabLine,
  expressionOf,
  linesOf,
  rotation,
  type TickCommand,
  withLine,
  withoutLine,
} from "../../src/model/crontab.ts";

const tick = (root: string): TickCommand => ({
  root,
  argv: ["/usr/bin/env", "PATH=/usr/bin:/bin", "/opt/cw", "--root", root, "assign"],
  guard: ["/usr/bin/flock", "-n", "-o", `${root}/.fleet/locks/cron`],
  log: `${root}/.fleet/assign.log`,
});

test("one line with all that cron lacks", () => {
  expect(crontabLine("*/5 * * * *", tick("/w"))).toBe(
    "*/5 * * * * /usr/bin/find /w/.fleet/assign.log -size +1024k -exec mv -f /w/.fleet/assign.log " +
      "/w/.fleet/assign.log.old ';'; /usr/bin/flock -n -o /w/.fleet/locks/cron " +
      "/usr/bin/env PATH=/usr/bin:/bin /opt/cw --root /w assign >>/w/.fleet/assign.log 2>&1 " +
      '# claude-workers "/w"',
  );
});

test("a root with spaces, quotes and percent signs arrives as it is, and its line is found again", () => {
  const root = `/it's 100% "w"\\x/$HOME`;
  const line = crontabLine("* * * * *", tick(root));
  // What cron does before the shell sees it.
  const command = line.slice("* * * * * ".length).replaceAll("\\%", "%");
  expect(line.replaceAll("\\%", "")).not.toContain("%");
  const [, run = ""] = command.split("';'; ");
  const { stdout } = Bun.spawnSync(["/bin/sh", "-c", `printf '%s\\n' ${run.replace(/ >>.*/, "")}`]);
  expect(stdout.toString().split("\n")).toContain(root);
  expect(linesOf(`${line}\n`, root)).toEqual([line]);
  expect(withoutLine(`a\n${line}\n`, root)).toBe("a\n");
});

test("a line that cron would refuse for its length is refused here", () => {
  expect(() => crontabLine("* * * * *", tick(`/${"w".repeat(300)}`))).toThrow("longer than the 998 bytes");
});

test("other lines are never touched, whatever they are", () => {
  const root = "/w";
  const line = crontabLine("*/5 * * * *", tick(root));
  const other = crontabLine("*/5 * * * *", tick("/w2"));
  const contents = [
    "",
    "\n",
    "no newline at the end",
    "# a\n\nMAILTO=x\n* * * * * b\n",
    `${other}\n`,
    `#${line}\n`,
    "\r\n",
  ];
  for (const content of contents) {
    const installed = withLine(content, root, line);
    expect(installed).toEndWith(`${line}\n`);
    expect(withLine(installed, root, line)).toBe(installed);
    expect(withoutLine(installed, root)).toBe(content === "" || content.endsWith("\n") ? content : `${content}\n`);
    const changed = line.replace("*/5", "*/6");
    const between = `${installed}${other}x\n${line}\n`;
    expect(withLine(between, root, changed)).toBe(`${withLine(content, root, changed)}${other}x\n`);
  }
});

test("a log past a megabyte becomes the old one; a smaller one stays", () => {
  const folder = mkdtempSync(join(tmpdir(), "cw-log-"));
  try {
    const log = join(folder, "assign.log");
    const rotate = () => Bun.spawnSync(rotation(log), { env: { PATH: "/usr/bin:/bin" } }).exitCode;
    writeFileSync(log, "x".repeat(1 << 20));
    expect(rotate()).toBe(0);
    expect(readdirSync(folder)).toEqual(["assign.log"]);
    writeFileSync(log, "x".repeat((1 << 20) + 1));
    expect(rotate()).toBe(0);
    expect(readdirSync(folder)).toEqual(["assign.log.old"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("the schedule of a line that a person has changed", () => {
  expect(expressionOf("0 4 * * 1 whatever # x")).toBe("0 4 * * 1");
  expect(expressionOf("@daily whatever")).toBeNull();
});
