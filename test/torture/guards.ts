/** The mutation gate: each guard of the code is taken away in turn, and a test has to fail. */
import { guards } from "../../scripts/guards/all.ts";
import { Copies } from "../../scripts/guards/mutate.ts";
import type { Suite } from "./suite.ts";

let copies: Copies | null = null;

export const guardsGone: Suite = {
  name: "guards",
  shows:
    "each guard of the code (sync, lock, lease, start time, wall, filter ...) is taken away in turn: a test fails each time",
  full: guards.length,
  quick: 0,
  async open() {
    const opened = new Copies();
    copies = opened;
    return { close: async () => opened.close() };
  },
  async round({ seed }) {
    const guard = guards[(seed - 1) % guards.length];
    if (copies === null || guard === undefined) throw new Error("the suite is not open");
    const { verdict, said } = await copies.without(guard);
    if (verdict !== "caught" && verdict !== "UNSEEN") throw new Error(`${guard.name}: ${verdict} ${said}`);
    return {
      tried: 1,
      harm: verdict === "caught" ? [] : [{ kind: "unseen", detail: `${guard.name} (${guard.file})` }],
    };
  },
};
