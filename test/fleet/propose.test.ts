/** Proposals are filed within their step, and never behind the supervisor's back. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { fileProposals } from "../../src/fleet/propose.ts";
import { Verdict } from "../../src/model/verdict.ts";
import type { Standin } from "../../src/standin/standin.ts";
import { type Client, startClient } from "../issues/site.ts";

let site: Client;
beforeAll(async () => {
  site = await startClient();
});
afterAll(() => site?.github.close());

const posts = { method: "POST", path: /^\/repos\/acme\/site\/issues$/ };

/** Three proposals; the step's time is over while GitHub works on one of them. */
async function filedWhenLate(marker: string, faults: (late: () => void) => Parameters<Standin["inject"]>[0][]) {
  const proposals = ["One", "Two", "Three"].map((title) => ({ title: `${marker} ${title}`, body: "Seen." }));
  const fleet = { config: { limits: { proposals: 9 } }, store: { workers: { mark: (id: string) => id } } };
  const credentials = { githubToken: null, provider: {} };
  const task = { repo: "acme/site", worker: "01" };
  const attempt = { fleet, github: site.as("wil"), task, credentials, id: marker, say: () => {} };
  const expired = new AbortController();
  const late = () => expired.abort(new Verdict("timed-out", "too long"));
  for (const fault of faults(late)) site.github.inject(fault);
  const filed: number[] = [];
  await expect(fileProposals(attempt as never, proposals, filed, expired.signal)).rejects.toThrow("too long");
  const titles = (await site.as("wil").openTitles("acme/site")).filter((title) => title.startsWith(marker));
  return { filed: filed.length, titles: titles.toSorted() };
}

test("a step that has run out of time: what is under way ends, nothing more is begun, what was filed is known", async () => {
  const found = await filedWhenLate("First", (late) => [{ ...posts, skip: 1, fault: { meanwhile: late } }]);
  expect(found).toEqual({ filed: 2, titles: ["First One", "First Two"] });
});

test("a request without an answer is not sent again after that", async () => {
  const found = await filedWhenLate("Second", (late) => [
    { ...posts, fault: "drop" },
    { method: "GET", path: posts.path, query: /state=all/, fault: { meanwhile: late } },
  ]);
  expect(found).toEqual({ filed: 0, titles: [] });
});
