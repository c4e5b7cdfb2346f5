/** Agents that fill the disk on which their work lies: it is given up at no time, and taken out when there is room again. */
import { afterEach, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { begin } from "../support/attempt.ts";
import { until } from "../support/fleet.ts";
import { onSmallDisk } from "../support/small-disk.ts";
import { closeFleets, long, openFleet } from "./fleet-stage.ts";

afterEach(closeFleets, long);

const fills = `edit; head -c 100M /dev/zero > "$HOME/fill" 2> /dev/null; done_well`;

test.skipIf(process.getuid?.() !== 0)(
  "git that has no room to take the work out: no end until there is: torture, bounds, seeds 11 and 24",
  async () => {
    const fleet = await openFleet({ isolation: "none", workers: [] });
    await onSmallDisk(fleet.root, 40, async () => {
      expect((await fleet.cw(["init", "01"])).code).toBe(0);
      const body = `[[scenario:run]] [[run:${Buffer.from(fills).toString("base64")}]]`;
      const issue = await begin(fleet, { worker: "01", body });
      const folder = fleet.attempt("01", 1);
      const state = async () => (await fleet.cw(["status", "01", "--json"])).json().workers[0].state;
      await until("its supervisor gives up", async () => (await state()) === "crashed" || null);
      for (const args of [
        ["reset", "01"],
        ["stop", "01"],
      ]) {
        const ran = await fleet.cw(args);
        expect([ran.code, ran.stderr]).toEqual([5, expect.stringMatching(/ENOSPC/)]);
      }
      expect([await state(), existsSync(join(folder, "end.json"))]).toEqual(["crashed", false]);

      rmSync(join(fleet.root, "01/fill"));
      expect((await fleet.cw(["reset", "01"])).code).toBe(0);
      expect(readFileSync(join(folder, "work.patch"), "utf8")).toContain("+Edited by the fake agent.");
      expect(fleet.repo.labels(issue)).toEqual([]);
      expect(await fleet.leftovers()).toEqual([]);
    });
  },
  long,
);
