import { expect, test } from "bun:test";
import { none } from "../../src/isolation/none.ts";
import { settings } from "../../src/isolation/settings.ts";
import { FleetError } from "../../src/model/errors.ts";

const space = { home: "/h", hidden: [], readOnly: [], protect: [] };
const command = (...argv: string[]) => ({
  argv: ["/opt/program", ...argv] as [string, ...string[]],
  env: {},
  cwd: "/h",
});

test("none changes nothing", () => {
  expect(none().wrap(command(), space)).toEqual(command());
  expect(none()).toMatchObject({ name: "none", pidNamespace: false });
});

test("settings leaves a command that carries a policy as it is", () => {
  const claude = command("-p", "--settings", "/c/policy.json");
  expect(settings().wrap(claude, space)).toEqual(claude);
  expect(settings()).toMatchObject({ name: "settings", pidNamespace: false });
});

test("settings refuses what is not Claude: it would run without any isolation", () => {
  expect(() => settings().wrap(command("commit", "-m", "x"), space)).toThrow(FleetError);
  expect(() => settings().wrap(command("commit"), space)).toThrow("can't isolate /opt/program");
});
