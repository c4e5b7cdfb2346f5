/** GitHub's names ignore case, and so does what is configured for them. */
import { afterEach, expect, test } from "bun:test";
import { begin } from "../support/attempt.ts";
import { assign, closeFleets, long, openFleet, taken } from "./fleet-stage.ts";

afterEach(closeFleets, long);

test(
  "gates and base of a repository hold however it is spelt, and it is listed once",
  async () => {
    const fleet = await openFleet({ workers: ["01", "02"] });
    await fleet.repo.push({ branch: "next", files: { "NEXT.md": "# Next\n" } });
    fleet.configure({ repos: { "acme/site": { base: "next", gates: ["test ! -e NEXT.md"] } } });
    const first = fleet.repo.openIssue({ title: "First", body: "[[scenario:edit]]" });
    const ran = await assign(fleet, "-r", "Acme/Site", "-r", "acme/site", "--limit", "1");
    // Issues, claims, the author's permission.
    expect([ran.code, taken(ran), ran.json().skipped, ran.json().requests.total]).toEqual([0, [first], [], 3]);
    expect(await fleet.ended("01")).toMatchObject({ outcome: "failed", reason: expect.stringContaining("NEXT.md") });
    fleet.configure({ repos: { "ACME/site": { base: "next" } } });
    const second = await begin(fleet, { worker: "02", body: "[[scenario:edit]]" });
    expect((await fleet.ended("02")).outcome).toBe("delivered");
    expect(fleet.repo.pulls()).toMatchObject([{ base: "next", head: `issue-${second}` }]);
  },
  long,
);
