/** A table that redraws itself in place while something runs. */
import { type Shown, statusLines } from "../reports/status.ts";
import type { Out } from "./command.ts";

const periodMs = 500;

export interface LiveView {
  /** Says a line that stays, above the table. */
  line(text: string): Promise<void>;
  /** Draws it a last time. */
  end(): Promise<void>;
}

/** @param look what to show now. End it before anything else is printed. */
export function liveView(out: Out, look: () => Promise<readonly Shown[]>): LiveView {
  let drawn = 0;
  let drawing: Promise<void> = Promise.resolve();
  const draw = async (...above: string[]) => {
    const lines = statusLines("", await look(), out.columns);
    // Back to the first line of the last drawing, then each line cleared and written anew.
    const up = drawn > 0 ? `\x1b[${drawn}A` : "";
    drawn = lines.length;
    await out.write(`${up}${[...above, ...lines].map((line) => `\x1b[2K${line}\n`).join("")}\x1b[0J`);
  };
  const again = (...above: string[]) => {
    drawing = drawing.then(() => draw(...above)).catch(() => {});
    return drawing;
  };
  void again();
  const timer = setInterval(() => void again(), periodMs);
  return {
    line: (text) => again(text),
    end() {
      clearInterval(timer);
      return again();
    },
  };
}
