/**
 * Texts, labels, comments and rights that change while the fleet reads them: before, between any two requests, between the
 * pages of one list. Whatever an attempt is given was approved as it stands, or is by somebody who may write.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readWork } from "../../src/fleet/read-work.ts";
import { doubtIn, trustIn } from "../../src/fleet/trust.ts";
import { GitHub } from "../../src/issues/github.ts";
import { quick } from "../issues/site.ts";
import { held } from "../support/attack.ts";
import { newest } from "../support/attempt.ts";
import { type TestFleet, testFleet } from "../support/fleet.ts";
import { Random } from "../torture/random.ts";

const long = 240_000;
const label = "approved";
const repo = "acme/site";
let fleet: TestFleet;
beforeAll(async () => {
  fleet = await testFleet({ isolation: "none" });
  fleet.configure({ assign: { approvalLabel: label } });
}, long);
afterAll(async () => await fleet.close());

type Person = "ann" | "max" | "tom" | "eve";
const people: readonly Person[] = ["ann", "max", "tom", "eve"];

/** One issue, the people around it, and what they did: says afterwards what may be read of it. */
class Story {
  readonly number: number;
  private readonly rights = new Map<Person, boolean>();
  private readonly texts = { title: "", body: "" };
  private readonly approvals: { by: Person; title: string; body: string; gone: boolean }[] = [];
  private readonly comments = new Map<string, Person>();
  private readonly author: Person;
  private readonly proposed: boolean;
  /** Who may write, or could since the last mark. */
  private could = new Set<Person>();
  private tokens = 0;

  constructor(private readonly random: Random) {
    for (const who of people) this.allow(who, who === "ann" || who === "max");
    this.author = random.next() < 0.75 ? "eve" : "ann";
    this.proposed = this.author === "ann" && random.next() < 0.4;
    this.number = fleet.repo.openIssue({ title: this.token("title"), body: this.token("body"), by: this.author });
    // More than one page of each list.
    if (random.next() < 0.03) for (let at = 0; at < 120; at++) this.comment(at % 2 ? "eve" : "max");
    if (random.next() < 0.03) {
      for (let at = 0; at < 120; at++) {
        this.label("tom");
        this.unlabel();
      }
    }
    for (let left = random.below(4); left > 0; left--) this.act();
    if (random.next() < 0.8) {
      fleet.standin.advance(2000);
      this.unlabel();
      this.label("ann");
      fleet.standin.advance(1000 * random.below(3));
    }
  }

  /** Somebody does something. */
  act(): void {
    const { random } = this;
    const who = random.pick(people);
    const what = random.below(12);
    // It is made innocent, and then approved: not what was there before.
    if (what === 11) {
      fleet.repo.edit(this.number, { body: this.token("body") }, this.author);
      fleet.standin.advance(2000);
      this.unlabel();
      this.label("max");
    } else if (what < 2) fleet.repo.edit(this.number, { body: this.token("body") }, this.author);
    else if (what === 2) fleet.repo.edit(this.number, { title: this.token("title") }, this.author);
    else if (what === 3) this.comment(who);
    else if (what < 6) this.label(random.pick(["ann", "ann", "max", "tom"]));
    else if (what === 6) this.unlabel();
    else if (what === 7) this.allow(who === "eve" ? "ann" : who, random.next() < 0.6);
    else fleet.standin.advance(500 * random.below(4));
  }

  /** From now on only who may write now, or later, counts. */
  mark(): void {
    this.could = new Set(people.filter((who) => this.rights.get(who)));
    this.approvals.splice(0, this.approvals.length, ...this.approvals.filter(({ gone }) => !gone));
  }

  /** @returns what of a text nobody approved who could, in words */
  unapproved(text: string): string[] {
    const found = new Set(text.match(/tok-\w+-\d+-\d+/g));
    const commented = [...found].filter((token) => token.includes("comment"));
    const [title = "", body = ""] = ["title", "body"].map((kind) => [...found].find((token) => token.includes(kind)));
    const own = this.could.has(this.author) && !this.proposed;
    const approved = this.approvals.some((one) => this.could.has(one.by) && one.title === title && one.body === body);
    return [
      ...(own || approved ? [] : [`${title} ${body}, by ${this.author}`]),
      ...commented.filter((token) => !this.could.has(this.comments.get(token) ?? "eve")),
      ...(found.size > commented.length + 2 ? ["more than one text"] : []),
    ];
  }

  private token(kind: "title" | "body" | "comment"): string {
    const token = `tok-${kind}-${this.number ?? 0}-${++this.tokens}`;
    if (kind !== "comment") this.texts[kind] = token;
    if (kind !== "body") return token;
    return `${this.proposed ? "<!-- claude-workers:x -->\n" : ""}[[scenario:no-change]] ${token}`;
  }

  private allow(who: Person, may: boolean): void {
    this.rights.set(who, may);
    if (may) this.could.add(who);
    fleet.repo.allow(who, may ? "write" : who === "tom" ? "triage" : "read");
  }

  private comment(who: Person): void {
    const text = this.token("comment");
    this.comments.set(text, who);
    fleet.repo.comment(this.number, text, who);
  }

  private label(by: Person): void {
    if (fleet.repo.labels(this.number).includes(label)) return;
    fleet.repo.label(this.number, label, by);
    this.approvals.push({ by, ...this.texts, gone: false });
  }

  private unlabel(): void {
    fleet.repo.unlabel(this.number, label, "ann");
    for (const one of this.approvals) one.gone = true;
  }
}

/** Lets the people of a story act before requests are answered, as its seed has it. */
function meanwhile(story: Story, random: Random, often: number) {
  const act = () => {
    while (random.next() < often) story.act();
  };
  return fleet.standin.inject({ times: Number.POSITIVE_INFINITY, fault: { meanwhile: act } });
}

test(
  "A31, A32, A34: a thousand interleavings of reading and changing",
  async () => {
    const github = new GitHub({ apiUrl: fleet.standin.url, token: fleet.token, patience: quick });
    const tries = 1000;
    const escaped: string[] = [];
    let accepted = 0;
    for (let seed = 1; seed <= tries; seed++) {
      // The hourly limit is not what is tried.
      if (seed % 200 === 0) fleet.standin.advance(3_600_000);
      const random = new Random(seed);
      const story = new Story(random);
      const hook = meanwhile(story, random, 0.3);
      const listing = github.listing({ get: () => undefined, set: () => {} });
      const candidate = (await listing.openIssues(repo)).find(({ number }) => number === story.number);
      if (candidate === undefined) throw new Error("it is not listed");
      story.mark();
      const asking = { approvals: github.approvals, mayWrite: (at: string, who: string) => listing.mayWrite(at, who) };
      const before = await trustIn(asking, repo, candidate, label);
      if (before.trusted) {
        const work = await readWork(github, repo, story.number);
        story.mark();
        if (work.issue === null) throw new Error("it was not read");
        const doubt = await doubtIn(github, repo, work.issue, label, before);
        if (doubt === null) {
          accepted++;
          escaped.push(...story.unapproved(JSON.stringify(work.snapshot)).map((what) => `${seed}: ${what}`));
        }
      }
      hook.remove();
      fleet.repo.close(story.number);
    }
    // What refuses everything proves nothing.
    expect(accepted).toBeGreaterThan(tries / 10);
    held("A31, A32, A34", tries, escaped);
  },
  long,
);

test(
  "A31, A32, A34: the same, through the program",
  async () => {
    const tries = 20;
    const escaped: string[] = [];
    let accepted = 0;
    for (let seed = 1; seed <= tries; seed++) {
      const random = new Random(50_000 + seed);
      const story = new Story(random);
      const seen = newest(fleet, "01");
      story.mark();
      const hook = meanwhile(story, random, 0.15);
      const { code } = await fleet.cw(["assign", "-r", repo]);
      expect([0, 7]).toContain(code);
      hook.remove();
      const n = newest(fleet, "01");
      if (n > seen) {
        accepted++;
        await fleet.ended("01");
        for (const name of ["snapshot.json", "prompt.md", "request.md"]) {
          const file = join(fleet.attempt("01", n), name);
          // Words of the operator there are none.
          const text = existsSync(file) ? readFileSync(file, "utf8") : "";
          if (text.includes("tok-")) escaped.push(...story.unapproved(text).map((what) => `${seed}: ${name}: ${what}`));
        }
        await fleet.cw(["reset", "-f", "01"]);
      }
      fleet.repo.close(story.number);
    }
    expect(accepted).toBeGreaterThan(2);
    held("A31, A32, A34", tries, escaped);
  },
  long,
);
