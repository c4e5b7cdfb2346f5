import { expect, test } from "bun:test";
import { chooseIsolation, type IsolationSetting } from "../../src/isolation/choose.ts";
import type { IsolationFacts, Probe } from "../../src/isolation/probe.ts";
import type { SystemFolders } from "../../src/isolation/system-folders.ts";
import { FleetError } from "../../src/model/errors.ts";

const works: Probe = { works: true, reason: null };
const fails = (reason: string): Probe => ({ works: false, reason });
const missing = fails("bubblewrap is not installed");
const system = (processor: string): SystemFolders => ({
  ...{
    bwrap: "/usr/bin/bwrap",
    root: false,
    processor,
    visible: [],
    masked: [],
    maskedFolders: [],
    resolver: null,
    sockets: [],
  },
});
const facts = (more: Partial<IsolationFacts> = {}): IsolationFacts => ({
  root: false,
  system: system("x64"),
  bubblewrap: works,
  nested: works,
  settings: works,
  ...more,
});
const nothing = facts({ bubblewrap: missing, nested: missing, settings: missing });
const noProc = fails("bwrap: Can't mount proc");
const onlySettings = facts({ bubblewrap: fails("bwrap: no"), nested: fails("bwrap: no") });

test.each([
  ["auto", facts(), "bubblewrap", true, []],
  ["auto", facts({ nested: fails("socat is not installed") }), "bubblewrap", false, ["socat is not installed"]],
  ["auto", facts({ nested: noProc, root: true }), "bubblewrap", false, ["Can't mount proc", "running as root"]],
  [
    "auto",
    onlySettings,
    "settings",
    true,
    ["covers its shell and not its other tools: bwrap: no", "runs without isolation, and no gates"],
  ],
  ["bubblewrap", facts(), "bubblewrap", true, []],
  ["auto", facts({ system: system("arm64") }), "bubblewrap", true, []],
  ["auto", facts({ system: system("riscv64") }), "bubblewrap", true, ["no filter of system calls for riscv64"]],
  ["bubblewrap", facts({ nested: noProc, settings: missing }), "bubblewrap", false, ["Can't mount proc"]],
  ["settings", facts(), "settings", true, ["runs without isolation, and no gates"]],
  ["settings", facts({ root: true }), "settings", true, ["runs without isolation", "running as root"]],
  ["none", nothing, "none", false, ["no isolation"]],
  ["none", facts({ root: true }), "none", false, ["no isolation", "root"]],
] as [IsolationSetting, IsolationFacts, string, boolean, string[]][])(
  "%s %#",
  (setting, found, isolation, innerSandbox, remarks) => {
    const choice = chooseIsolation(setting, found);
    expect(choice).toMatchObject({ isolation, innerSandbox } as never);
    expect(choice.remarks).toHaveLength(remarks.length);
    for (const [index, words] of remarks.entries()) expect(choice.remarks[index]).toContain(words);
  },
);

test.each([
  ["auto", nothing, "bubblewrap is not installed", "apt-get install bubblewrap"],
  ["bubblewrap", nothing, "bubblewrap is not installed", "apt-get install bubblewrap"],
  ["bubblewrap", onlySettings, "bwrap: no", "cw doctor"],
  ["settings", facts({ settings: fails("socat is not installed") }), "socat is not installed", "apt-get install"],
  [
    "auto",
    facts({ bubblewrap: fails("bwrap: setting up uid map: Permission denied"), settings: missing }),
    "uid map",
    "kernel.apparmor_restrict_unprivileged_userns=0",
  ],
] as [IsolationSetting, IsolationFacts, string, string][])("%s refuses %#", (setting, found, reason, hint) => {
  let thrown: unknown;
  try {
    chooseIsolation(setting, found);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(FleetError);
  expect(thrown).toMatchObject({ code: "environment", hint: expect.stringContaining(hint) });
  expect((thrown as FleetError).message).toContain(reason);
});

test("auto never ends without isolation", () => {
  const probes = [works, missing];
  for (const bubblewrap of probes) {
    for (const nested of probes) {
      for (const settings of probes) {
        for (const root of [true, false]) {
          try {
            expect(chooseIsolation("auto", facts({ bubblewrap, nested, settings, root })).isolation).not.toBe("none");
          } catch (error) {
            expect(error).toBeInstanceOf(FleetError);
          }
        }
      }
    }
  }
});
