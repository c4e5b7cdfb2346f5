/** What takes minutes and gigabytes: agents at the size that the promises speak of. */
import { type Play, played } from "./bounds.ts";
import type { Suite } from "./suite.ts";

const minutes = 60_000;
const works = { outcome: ["delivered"], reason: /./, limits: { wall: "40m", silence: "40m" } } as const;

const plays: readonly (readonly [name: string, play: Play])[] = [
  [
    "prints 10 GB of lines",
    {
      script: `edit; commit
yes '{"type":"user","message":{"content":[{"type":"tool_result","content":"'"$(head -c 60000 /dev/zero | tr '\\0' x)"'"}]}}' | head -c 10000000000; echo
done_well`,
      ...{ ...works, deadlineMs: 20 * minutes },
    },
  ],
  [
    "leaves 10 million files",
    {
      script: `perl -e 'for $d (1 .. 10000) { mkdir "$ENV{HOME}/$d"; for (1 .. 1000) { open F, ">", "$ENV{HOME}/$d/$_" or die "$!" } }'
edit; commit; done_well`,
      ...{ ...works, deadlineMs: 30 * minutes, removalMs: 30 * minutes },
    },
  ],
];

export const fullSize: Suite = {
  name: "full-size",
  shows:
    "an agent that prints 10 GB, and one that leaves 10 million files: delivered, with bounded records and memory, `status` answers meanwhile, and the next task is taken",
  full: plays.length,
  quick: 0,
  async round({ seed }) {
    const [name, play] = plays[seed % plays.length] as (typeof plays)[number];
    return await played(name, play, "none");
  },
};
