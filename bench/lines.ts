/** What the supervisor does with each line of an agent, and `status` with each record, inside one process. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { do_not_optimize, measure } from "mitata";
import { claudeReader } from "../src/agents/claude-stream.ts";
import { Redactor } from "../src/model/redaction.ts";
import { openStore } from "../src/store/store.ts";
import { makeFleet } from "./fleets.ts";
import type { Group } from "./groups.ts";
import { against } from "./measure.ts";
import { streamLines } from "./stream.ts";

export const group: Group = {
  about: "Once warm, in one process: a turn of three lines of an agent, and the newest attempt of a worker.",
  async run({ folder }) {
    const text = streamLines(7);
    const lines = text.trimEnd().split("\n");
    const reader = claudeReader();
    const redactor = new Redactor(["key-of-the-model-provider-0123456789", "token-of-the-operator-0123456789"]);
    const parse = await measure(() => do_not_optimize(lines.map((line) => JSON.parse(line))));
    const read = await measure(() => do_not_optimize(lines.map((line) => reader.read(line))));
    const mask = await measure(() =>
      do_not_optimize(lines.map((line) => redactor.kept(redactor.replaced(line), line))),
    );
    const root = join(folder, "one");
    const [at] = makeFleet(root, ["idle"]);
    const { attempts } = openStore(root);
    const record = await measure(() => do_not_optimize(JSON.parse(readFileSync(at?.end ?? "", "utf8"))));
    const facts = await measure(() => do_not_optimize(attempts.facts("w00000")));
    return [
      against("a turn understood", read.p50 / 1e6, "`JSON.parse`", parse.p50 / 1e6),
      against("a turn searched for secrets", mask.p50 / 1e6, "`JSON.parse`", parse.p50 / 1e6),
      against("an idle worker: hint, end, identity", facts.p50 / 1e6, "one read and parse", record.p50 / 1e6),
    ];
  },
};
