/** A table that redraws itself in place while something runs. */
import { type Shown, statusLines } from "../reports/status.ts";
import type { Out } from "./command.ts";

const periodMs = 500;

/** @param look what to show now. End it before anything else is printed. */
export function liveView(out: Out, look: () => Promise<readonly Shown[]>): { end(): Promise<void> } {
  let drawn = 0;
  let drawing: Promise<void> = Promise.resolve();
  const draw = async () => {
    const lines = statusLines("", await look(), out.columns);
    // Back to the first line of the last drawing, then each line cleared and written anew.
    const up = drawn > 0 ? `\x1b[${drawn}A` : "";
    drawn = lines.length;
    await out.write(`${up}${lines.map((line) => `\x1b[2K${line}\n`).join("")}\x1b[0J`);
  };
  const again = () => {
    drawing = drawing.then(draw).catch(() => {});
  };
  again();
  const timer = setInterval(again, periodMs);
  return {
    async end() {
      clearInterval(timer);
      again();
      await drawing;
    },
  };
}
