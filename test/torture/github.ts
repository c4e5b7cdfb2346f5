/** Random sequences of what GitHub and people can do to an issue while a fleet works on it; see github-story.ts. */
import { Rig } from "../e2e/fault-rig.ts";
import { crowdIn, Story } from "./github-story.ts";
import { Random } from "./random.ts";
import type { Suite } from "./suite.ts";

const perRound = 20;

async function stories(seed: number, count: number, whole: boolean): Promise<Story["harm"]> {
  const rig = await Rig.start(1);
  const harm: Story["harm"] = [];
  try {
    const other = rig.standin.repo("acme/lane0");
    for (let at = 0; at < count; at++) {
      const name = `acme/story${at}`;
      const repo = await rig.standin.addRepo({ name, private: true, files: { "README.md": "# Site\n" } });
      const random = new Random(seed * count + at);
      const crowd = crowdIn(repo, random);
      crowd?.come("before");
      const one = rig.case({ repo, supervisor: whole ? "real" : "born", requestMs: 1500 });
      crowd?.come("after");
      const story = new Story(rig, repo, other, one, random, whole, crowd);
      await story.run();
      harm.push(...story.harm.map(({ kind, detail }) => ({ kind, detail: `story ${at}: ${detail}` })));
    }
  } finally {
    await rig.close();
  }
  return harm;
}

export const github: Suite = {
  name: "github",
  shows:
    "sequences of 401, 403, 404, 410, 422, 429, 5xx, lost and half answers, partial pages, and of people who change things: one pull request, one comment, no dispatch without a claim",
  full: 500,
  quick: 2,
  round: async ({ seed }) => ({ tried: perRound, harm: await stories(seed, perRound, false) }),
};

export const githubAttempts: Suite = {
  name: "github-attempts",
  shows: "the same around whole attempts, with git and an agent: what an agent did is delivered, pushed or kept",
  full: 500,
  quick: 1,
  round: async ({ seed }) => ({ tried: 4, harm: await stories(seed, 4, true) }),
};
