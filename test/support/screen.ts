/** A program on a terminal, and what a person sees there: as much of a terminal as a table that redraws itself needs. */
import { until } from "./fleet.ts";

export interface Screen {
  /** All that was written. */
  readonly text: string;
  /** The lines that are to be seen, without blanks at their ends. */
  lines(): string[];
  /** Awaits lines that satisfy. */
  shows(what: string, satisfied: (lines: string[]) => boolean, timeoutMs?: number): Promise<string[]>;
  readonly exited: Promise<number>;
}

export function onTerminal(
  argv: readonly string[],
  options: { env: Readonly<Record<string, string>>; cwd: string; columns: number },
): Screen {
  let text = "";
  const decoder = new TextDecoder();
  const child = Bun.spawn([...argv], {
    env: { ...options.env, TERM: "xterm-256color" },
    cwd: options.cwd,
    terminal: {
      cols: options.columns,
      rows: 40,
      data: (_terminal: unknown, bytes: Uint8Array) => {
        text += decoder.decode(bytes, { stream: true });
      },
    },
  });
  const screen: Screen = {
    get text() {
      return text;
    },
    lines: () => drawn(text, options.columns),
    shows: (what, satisfied, timeoutMs) =>
      until(
        what,
        () => {
          const lines = screen.lines();
          return satisfied(lines) ? lines : null;
        },
        timeoutMs,
        () => screen.lines().join("\n"),
      ),
    exited: child.exited.then((code) => {
      child.terminal?.close();
      return code;
    }),
  };
  return screen;
}

/** Carriage return, line feed, cursor up, erase line, erase below; a line that is too long goes on in the next. */
function drawn(text: string, columns: number): string[] {
  const rows: string[] = [""];
  let [row, column] = [0, 0];
  for (const [piece, up, erase] of text.matchAll(/\x1b\[(\d*)A|\x1b\[(2K|0?J)|\x1b\[[\d;?]*[a-zA-Z]|[\s\S]/gu)) {
    if (up !== undefined) row = Math.max(0, row - Number(up || 1));
    else if (erase === "2K") rows[row] = "";
    else if (erase !== undefined) rows.splice(row, rows.length, (rows[row] ?? "").slice(0, column));
    else if (piece === "\r") column = 0;
    else if (piece === "\n") row++;
    else if (!piece.startsWith("\x1b")) {
      if (column >= columns) [row, column] = [row + 1, 0];
      rows[row] = (rows[row] ?? "").padEnd(column).slice(0, column) + piece + (rows[row] ?? "").slice(column + 1);
      column++;
    }
    while (rows.length <= row) rows.push("");
  }
  return rows.map((line) => line.trimEnd());
}
