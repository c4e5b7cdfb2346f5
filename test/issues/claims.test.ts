/** The claim's compare-and-swap over HTTP: one winner, and an answer that was lost is read back, never guessed. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ClaimPlace } from "../../src/issues/claims.ts";
import type { Claim, Tip } from "../../src/model/claim.ts";
import type { Fault } from "../../src/standin/faults.ts";
import { type Client, failure, startClient } from "./site.ts";

let site: Client;
let place: ClaimPlace;
beforeEach(async () => {
  site = await startClient();
  place = { repo: "acme/site", issue: site.issue, namespace: "refs/claude-workers/claims" };
});
afterEach(() => site.github.close());

const claim = (attempt: string, state: Claim["state"] = "held"): Claim => ({
  ...{ v: 1, issue: 1, state, worker: attempt.split("-")[0] ?? "", host: "a-fleet-of-the-tests", attempt },
  ...{ epoch: 1, leaseMs: 60_000, nonce: crypto.randomUUID() },
});
const ref = () => `refs/claude-workers/claims/issue-${site.issue}`;
/** Attempts of the chain, newest first. */
const chain = async () =>
  (await site.github.repo("acme/site").messages(ref())).map((text) => JSON.parse(text).attempt as string);
const claims = () => site.client.claims;

async function held(attempt: string): Promise<Tip> {
  const written = await claims().write(place, null, claim(attempt));
  if (!written.won) throw new Error("lost");
  return written.tip;
}

describe("races", () => {
  for (const first of [true, false]) {
    test(`twenty writers ${first ? "of the first claim" : "behind the same tip"}: one wins, all know who`, async () => {
      const parent = first ? null : await held("00-1");
      const names = Array.from({ length: 20 }, (_, at) => `${String(at + 1).padStart(2, "0")}-1`);
      const written = await Promise.all(
        names.map(async (name) => ({ name, got: await site.as("wil").claims.write(place, parent, claim(name)) })),
      );
      const winners = written.filter(({ got }) => got.won);
      expect(winners).toHaveLength(1);
      expect(await chain()).toEqual([winners[0]?.name ?? "", ...(first ? [] : ["00-1"])]);
      for (const { got } of written) expect(got.tip?.sha).toBe(winners[0]?.got.tip?.sha);
    });
  }
});

describe("an unclear answer to the write of the ref", () => {
  const writes = { first: { method: "POST", path: /\/git\/refs$/ }, next: { method: "PATCH", path: /\/git\/refs\// } };
  const server: Fault["fault"] = { status: 502, body: "<html>Bad gateway</html>" };
  const cases: [string, Fault["fault"], number][] = [
    ["a lost reply", "drop-after", 1],
    ["half a reply", { truncate: true }, 1],
    ["a reply without a body", { empty: true }, 1],
    ["an empty 200 of something in between", { status: 200 }, 2],
    ["a connection that breaks before it is heard", "drop", 2],
    ["a 502", server, 2],
    ["a 200 that is a proxy's page", { status: 200, body: "<html>Please sign in</html>" }, 2],
  ];
  for (const [name, fault, sent] of cases) {
    for (const kind of ["first", "next"] as const) {
      test(`${name}, ${kind} claim: written once`, async () => {
        const parent = kind === "first" ? null : await held("00-1");
        site.github.journal.clear();
        site.github.inject({ ...writes[kind], fault });
        const written = await claims().write(place, parent, claim("01-1"));
        expect(written.won).toBe(true);
        expect(await chain()).toEqual(["01-1", ...(parent ? ["00-1"] : [])]);
        const calls = site.github.journal.calls();
        const writesOfRef = calls.filter(({ method, path }) => method !== "GET" && path.includes("/git/refs"));
        expect(writesOfRef).toHaveLength(sent);
        // Between two writes of a ref there is always a read of it.
        const at = writesOfRef.map((entry) => calls.indexOf(entry));
        for (const [index, to] of at.entries()) {
          const between = calls.slice(at[index - 1] ?? to, to);
          if (index > 0)
            expect(between.some(({ method, path }) => method === "GET" && /\/git\/ref\//.test(path))).toBe(true);
        }
        // The commit is the same one, however often it is sent.
        const heard = writesOfRef.flatMap(({ body }) => (body as { sha: string } | undefined)?.sha ?? []);
        expect(new Set(heard).size).toBe(1);
      });
    }
  }

  test("another was faster while our reply was lost: its tip is told", async () => {
    const parent = await held("00-1");
    site.github.inject({ ...writes.next, fault: "drop" });
    // Strikes our first write; the other's, which comes before our reading back, goes through.
    const [ours, theirs] = await Promise.all([
      claims().write(place, parent, claim("01-1")),
      site.as("mara").claims.write(place, parent, claim("02-1")),
    ]);
    expect([ours.won, theirs.won].filter(Boolean)).toHaveLength(1);
    expect(ours.tip?.sha).toBe(theirs.tip?.sha ?? "");
  });

  test("a server that stays away: an error, and nothing was written", async () => {
    site.github.inject({ ...writes.first, times: 100, fault: { status: 503, body: { message: "Unavailable" } } });
    const error = await failure(claims().write(place, null, claim("01-1")));
    expect(error).toMatchObject({ code: "github", hint: "try again later" });
    expect((await claims().read(place)).tip).toBeNull();
    expect(site.github.journal.calls(writes.first)).toHaveLength(3);
  });

  test("a rule against the namespace: GitHub's words, and the setting that mends it", async () => {
    const body = { message: "Repository rule violations found", errors: [] };
    site.github.inject({ ...writes.first, times: 100, fault: { status: 422, body } });
    const error = await failure(claims().write(place, null, claim("01-1")));
    expect(error.message).toContain("Repository rule violations found");
    expect(error).toMatchObject({ code: "github", hint: expect.stringContaining("claims.namespace") });
  });
});

describe("reading", () => {
  test("no claim; one; GitHub's clock", async () => {
    expect((await claims().read(place)).tip).toBeNull();
    const tip = await held("01-1");
    site.github.advance(3_600_000);
    const read = await claims().read(place);
    expect(read.tip).toEqual(tip);
    expect(read.serverNow - tip.committedAt).toBeGreaterThan(3_590_000);
  });

  test("a 404 alone is no 'no claim': of one that is there, and of a repository that can't be seen any more", async () => {
    const tip = await held("01-1");
    site.github.inject({ method: "GET", path: /\/git\/ref\//, fault: { status: 404, body: { message: "Not Found" } } });
    expect((await claims().read(place)).tip).toEqual(tip);
    site.github.inject({ method: "GET", times: 9, fault: { status: 404, body: { message: "Not Found" } } });
    expect(await failure(claims().read(place))).toMatchObject({ code: "notFound" });
  });

  test("an empty 200 says nothing: asked again, and where it stays an error in words", async () => {
    const tip = await held("01-1");
    for (const path of [/\/git\/ref\//, /\/git\/commits\//]) {
      site.github.inject({ method: "GET", path, fault: { empty: true } });
      expect((await claims().read(place)).tip).toEqual(tip);
      const stays = site.github.inject({ method: "GET", path, times: 9, fault: { empty: true } });
      expect(await failure(claims().read(place))).toMatchObject({
        code: "github",
        message: expect.stringContaining("its answer is empty"),
      });
      stays.remove();
    }
  });

  test("a tip that is not ours to understand has no claim", async () => {
    const repo = site.github.repo("acme/site");
    const sha = await repo.push({ branch: "strange", message: '{"v":99,"state":"held"}' });
    Bun.spawnSync(["git", "--git-dir", repo.dir, "update-ref", ref(), sha]);
    expect((await claims().read(place)).tip).toMatchObject({ sha, claim: null });
  });

  test("an empty repository holds none, and takes none: said with what to do", async () => {
    const empty = { ...place, repo: "acme/empty" };
    expect((await claims().read(empty)).tip).toBeNull();
    const error = await failure(claims().write(empty, null, claim("01-1")));
    expect(error).toMatchObject({ code: "github", hint: "push a first commit" });
    expect(error.message).toContain("acme/empty is empty");
    expect(site.github.journal.calls()).toHaveLength(2);
  });

  test("a token that may only read can write no claim", async () => {
    const error = await failure(site.as("rea").claims.write(place, null, claim("01-1")));
    expect(error).toMatchObject({ code: "auth", hint: expect.stringContaining("read and write") });
  });
});
