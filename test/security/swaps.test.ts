/** Folders that an agent swaps for links all the time, while the host touches what it can write. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { takeOver } from "../../src/store/homes.ts";
import { folderBytes } from "../../src/system/usage.ts";
import { held } from "../support/attack.ts";
import { begin, newest, running } from "../support/attempt.ts";
import { long, openStage, type Stage } from "./stage.ts";

const big = 8 << 20;

/**
 * Swaps names for links that lead somewhere outside of the isolation alone. The exchange is one system call, so that there
 * is always something at the name. Says from time to time how often it did.
 */
const racer = (target: string, names: readonly string[]) => `
  my $exchange = \`uname -m\` =~ /x86_64/ ? 316 : 276;
  my ($swaps, @names) = (0, qw(${names.join(" ")}));
  $| = 1;
  for (@names) { system("mkdir -p $_/c/d 2>/dev/null"); unlink("$_.link"); symlink("${target}", "$_.link") }
  for (;;) {
    for (@names) { syscall($exchange, -100, $_, -100, "$_.link", 2) == 0 and ++$swaps % 100 == 0 and print "$swaps\\n" }
  }`;

if (Bun.which("bwrap") === null) test.skip("bubblewrap is not installed", () => {});
else describe("folders swapped for links", suite);

function suite(): void {
  let stage: Stage;
  let home: (worker: string) => string;
  beforeAll(async () => {
    stage = await openStage(["01", "02"]);
    home = (worker) => join(stage.fleet.root, worker);
  }, long);
  afterAll(async () => await stage?.fleet.close());

  /** Lets a shell of the worker swap while something is done. @returns how often it did, meanwhile */
  async function during(
    worker: string,
    folder: string,
    names: readonly string[],
    act: () => Promise<void>,
    target = `${stage.outside}/folder`,
  ): Promise<number> {
    const script = Buffer.from(racer(target, names)).toString("base64");
    const run = `echo ${script} | base64 -d > ~/race.pl; cd ~/${folder}; exec perl ~/race.pl`;
    const shell = stage.fleet.start(["shell", worker, "--", "/bin/sh", "-c", run]);
    const reader = shell.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    const more = async () => {
      const { value = "", done } = await reader.read();
      said = (said + value).slice(-100);
      return !done;
    };
    const swaps = () => Number(said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1));
    while (!/\n\d+\n/.test(said) && (await more()));
    const before = swaps();
    const reading = (async () => {
      while (await more());
    })();
    await act();
    const after = swaps();
    shell.kill("SIGKILL");
    await reading;
    return after - before;
  }

  test(
    "A13: while HOME is made anew, counted and cleared, and while work is gone on with and taken out",
    async () => {
      const { fleet } = stage;
      const escaped: string[] = [];
      const swaps: Record<string, number> = {};
      const round = async (what: string, swapped: Promise<number>) => {
        swaps[what] = (swaps[what] ?? 0) + (await swapped);
        escaped.push(...stage.harm().map((harm) => `${what}: ${harm}`));
      };

      for (let at = 0; at < 6; at++) {
        const refresh = async () => {
          const { code, stderr } = await fleet.cw(["refresh", "01"]);
          if (code !== 0) escaped.push(stderr);
        };
        await round("refresh", during("01", "", ["github", ".claude/projects", "a"], refresh));
        for (const name of ["github", ".claude/projects"]) {
          const found = lstatSync(join(home("01"), name), { throwIfNoEntry: false });
          if (found && !found.isDirectory()) escaped.push(`${name} was taken over, and is a link`);
        }
      }

      // The same step alone, so often that some are swapped between the look and the move.
      const taken = join(home("01"), "taken");
      const target = join(fleet.folder, "taken");
      const isLink = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
      const take = async () => {
        for (let at = 0; at < 300; at++) {
          // Whoever swaps says so in between.
          await Bun.sleep(1);
          takeOver(home("01"), "taken", target);
          if (isLink(target)) escaped.push("a link was taken over");
          rmSync(target, { recursive: true, force: true });
          if (existsSync(taken) || isLink(taken)) continue;
          // What was taken is there again, and something to swap it for.
          mkdirSync(taken);
          if (isLink(taken) || isLink(`${taken}.link`)) continue;
          try {
            rmSync(`${taken}.link`, { recursive: true, force: true });
            symlinkSync(`${stage.outside}/folder`, `${taken}.link`);
          } catch {
            // Swapped meanwhile: the next time.
          }
        }
      };
      await round("take over", during("01", "", ["taken"], take));

      const much = join(fleet.folder, "much");
      stage.asUser(`mkdir ${much}; head -c ${big} /dev/urandom > ${much}/file`);
      const count = async () => {
        for (let at = 0; at < 100; at++) {
          // Whoever swaps says so in between.
          await Bun.sleep(1);
          const bytes = await folderBytes(home("01"));
          if (bytes !== null && bytes >= big) escaped.push(`${bytes} bytes were counted in HOME`);
        }
      };
      await round("usage", during("01", "", ["a", "b/c"], count, much));

      // It never ends by itself: stopped it is, so that it can be gone on with.
      const script = Buffer.from("edit\nfor_ever").toString("base64");
      await begin(fleet, { worker: "02", body: `[[scenario:run]] [[run:${script}]]` });
      await running(fleet, "02");
      await fleet.cw(["stop", "02"]);
      const goOn = async () => {
        const again = await fleet.cw(["restart", "02"]);
        // What was swapped under it may have let it end otherwise than it was told to.
        if (/nothing to restart/.test(again.stderr))
          await begin(fleet, { worker: "02", body: `[[scenario:run]] [[run:${script}]]` });
        else expect([again.code, again.stderr]).toEqual([0, ""]);
        await running(fleet, "02");
        await fleet.cw(["stop", "02"]);
      };
      const site = "github/acme/site";
      for (const [folder, names] of [
        ["", [site]],
        ["", ["github/acme", ".claude/projects"]],
        [site, [".git/objects", ".git/refs", ".git/HEAD"]],
        [site, [".git", "src", "README.md"]],
      ] as const) {
        const seen = newest(fleet, "02");
        await round("restart", during("02", folder, names, goOn));
        const patch = join(fleet.attempt("02", newest(fleet, "02")), "work.patch");
        if (newest(fleet, "02") === seen) escaped.push("restart did not begin");
        if (existsSync(patch) && readFileSync(patch, "utf8").includes("precious")) escaped.push("a patch tells it");
      }

      for (let at = 0; at < 3; at++) {
        const reset = async () => void (await fleet.cw(["reset", "02"]));
        await round("reset", during("02", "", ["task.json", "prompt.md"], reset));
      }
      const all = Object.values(swaps).reduce((sum, one) => sum + one, 0);
      expect(Object.keys(swaps).filter((what) => !swaps[what])).toEqual([]);
      expect(all).toBeGreaterThan(10_000);
      held("A13", all, escaped);
    },
    long,
  );
}
