/** The folder where the ways out of an isolation are made. */
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openNetwork } from "../../src/isolation/network.ts";

test("A13: a link in the place of the folder leads nowhere", async () => {
  const place = mkdtempSync(join(realpathSync(tmpdir()), "cw-network-"));
  try {
    const [folder, elsewhere] = [join(place, "folder"), join(place, "elsewhere")];
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, folder);
    const request = { rules: [], model: null, denied: () => {} };
    const opened = await openNetwork({ ...request, folder }).catch((error: unknown) => error);
    const made = readdirSync(elsewhere);
    if (typeof opened === "function") await opened();
    expect([String(opened), made]).toEqual([expect.stringMatching(/ENOTDIR|ELOOP/), []]);
    const close = await openNetwork({ ...request, folder: elsewhere });
    expect(readdirSync(elsewhere)).toEqual(["egress.sock"]);
    await close();
    expect(readdirSync(elsewhere)).toEqual([]);
  } finally {
    rmSync(place, { recursive: true });
  }
});
