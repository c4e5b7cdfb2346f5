/** A template that holds a login of Claude Code: init and refresh say why it must not, and change nothing. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Fleet } from "../../src/fleet/fleet.ts";
import { init } from "../../src/fleet/init.ts";
import { refresh } from "../../src/fleet/refresh.ts";
import { FleetError } from "../../src/model/errors.ts";
import { openStore } from "../../src/store/store.ts";

const folder = mkdtempSync(join(tmpdir(), "cw-template-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const templates = join(folder, "templates");
mkdirSync(join(templates, "worker/.claude"), { recursive: true });
const login = join(templates, "worker/.claude/.credentials.json");
const store = openStore(join(folder, "root"));
const fleet = { store, templates, credentials: { githubToken: "token-0123456789", provider: {} } };

const refusal = async (work: () => unknown) => {
  try {
    await work();
  } catch (error) {
    return error instanceof FleetError ? [error.code, error.message, error.hint] : error;
  }
  return null;
};
const why = [
  "config",
  expect.stringMatching(/\.credentials\.json .* refresh token/),
  expect.stringMatching(/setup-token/),
];

test.each([
  ["a file", () => writeFileSync(login, "{}")],
  ["a link to the operator's own", () => symlinkSync("/home/me/.claude/.credentials.json", login)],
])("%s", async (_, plant) => {
  rmSync(login, { force: true });
  const worker = store.workers.list().length === 0 ? "01" : "02";
  init(fleet, { ids: [worker] });
  plant();
  expect(await refusal(() => init(fleet, { ids: ["09"] }))).toEqual(why);
  expect(store.workers.exists("09")).toBe(false);
  rmSync(store.paths.secrets(worker));
  expect(await refusal(() => refresh(fleet as unknown as Fleet, [worker]))).toEqual(why);
  expect(existsSync(store.paths.secrets(worker))).toBe(false);
});
