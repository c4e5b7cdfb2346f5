/**
 * Records a command on a terminal of 100 by 30 as an animated SVG:
 *
 *   bun scripts/recording.ts docs/demo.svg npm run demo
 *
 * Frames are what tmux shows; at the end it scrolls through all that was printed. Programs that play no animation show the
 * last frame.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [file = "docs/demo.svg", ...command] = process.argv.slice(2);
const [columns, rows] = [100, 30];
const cell = { width: 8.4, height: 18 };
const periodMs = 150;
/** The last picture of the live part, each line of the scrolling, the end. */
const pauses = { before: 1500, line: 170, after: 6000 };
const margin = 14;

interface Frame {
  readonly lines: readonly string[];
  ms: number;
}

const frames: Frame[] = [];
const folder = mkdtempSync(join(tmpdir(), "cw-recording-"));
const tmux = (...args: string[]) => {
  const { stdout, success } = Bun.spawnSync(["tmux", "-S", join(folder, "socket"), "-f", "/dev/null", ...args], {
    env: { ...process.env, npm_config_update_notifier: "false" },
  });
  return success ? stdout.toString().trimEnd().split("\n") : null;
};
let everything: readonly string[] = [];
try {
  // Waits at both ends: until it is watched, and until everything was seen.
  const inside = `read -r go; printf '$ ${command.join(" ")}\\n'; ${command.join(" ")}; printf '\\033]2;over\\007'; read -r go`;
  tmux("new-session", "-d", "-x", String(columns), "-y", String(rows), "sh", "-c", `stty -echo; ${inside}`);
  tmux("set-option", "history-limit", "10000");
  tmux("send-keys", "Enter");
  const started = performance.now();
  for (let shown = started; tmux("display-message", "-p", "#{pane_title}")?.[0] !== "over"; ) {
    const lines = tmux("capture-pane", "-e", "-p");
    if (lines === null) throw new Error(`${command.join(" ")} could not be run on a terminal`);
    const now = performance.now();
    const last = frames.at(-1);
    if (last) last.ms += now - shown;
    shown = now;
    if (last?.lines.join("\n") !== lines.join("\n")) frames.push({ lines, ms: 0 });
    await Bun.sleep(periodMs);
  }
  everything = tmux("capture-pane", "-e", "-p", "-S", "-", "-E", "-") ?? [];
} finally {
  tmux("kill-server");
  rmSync(folder, { recursive: true, force: true });
}

// npm's own lines are no part of it.
const isNoise = (line: string) => /^> /.test(line);
const withoutNoise = (lines: readonly string[]) => {
  const kept = lines.filter((line) => !isNoise(line));
  while (kept[1] === "") kept.splice(1, 1);
  return kept;
};
for (const [at, frame] of frames.entries()) frames[at] = { lines: withoutNoise(frame.lines), ms: frame.ms };
everything = withoutNoise(everything);

await Bun.write(file, svg());
console.log(`${file}: ${frames.length} frames, ${everything.length} lines, ${Bun.file(file).size} bytes`);

/** One strip: the frames, then all lines; the window moves over it. */
function svg(): string {
  const known = new Map<string, string>();
  const use = (line: string, row: number) => {
    if (line === "") return "";
    const id = known.get(line) ?? `l${known.size}`;
    known.set(line, id);
    return `<use href="#${id}" y="${row * cell.height}"/>`;
  };
  const live = frames.slice(0, -1);
  const strip = [
    ...live.flatMap((frame, at) => frame.lines.map((line, row) => use(line, at * rows + row))),
    ...everything.map((line, row) => use(line, live.length * rows + row)),
  ].join("\n");
  const scrolled = Math.max(0, everything.length - rows);
  const stops = [
    ...live.map(({ ms }, at) => ({ row: at * rows, ms: at === live.length - 1 ? Math.max(ms, pauses.before) : ms })),
    ...Array.from({ length: scrolled }, (_, at) => ({ row: live.length * rows + at, ms: pauses.line })),
    { row: live.length * rows + scrolled, ms: pauses.after },
  ];
  const total = stops.reduce((sum, { ms }) => sum + ms, 0);
  const moved = (row: number) => `transform:translateY(${-row * cell.height}px)`;
  let passed = 0;
  const keyframes = stops.map(({ row, ms }) => {
    const at = (passed / total) * 100;
    passed += ms;
    return `${at.toFixed(2)}%{${moved(row)}}`;
  });
  const [width, height] = [columns * cell.width, rows * cell.height];
  const last = moved(stops.at(-1)?.row ?? 0);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width + 2 * margin}" height="${height + 2 * margin}" font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="14">
<title>${escaped(command.join(" "))}</title>
<style>
text{fill:#d4d4d4;white-space:pre}.b{font-weight:bold;fill:#fff}.r{fill:#f47067}.g{fill:#57ab5a}.c{fill:#39c5cf}
#strip{${last};animation:play ${(total / 1000).toFixed(1)}s step-end infinite}
@keyframes play{${keyframes.join("")}100%{${last}}}
@media (prefers-reduced-motion:reduce){#strip{animation:none}}
</style>
<defs>
${[...known].map(([line, id]) => `<text id="${id}" y="14">${spans(line)}</text>`).join("\n")}
</defs>
<rect width="100%" height="100%" rx="8" fill="#1e2228"/>
<svg x="${margin}" y="${margin}" width="${width}" height="${height}">
<g id="strip" transform="translate(0 ${-(stops.at(-1)?.row ?? 0) * cell.height})">
${strip}
</g>
</svg>
</svg>
`;
}

/** Runs of one style, each at its column: fonts differ in their widths. */
function spans(line: string): string {
  let column = 0;
  let style = "";
  const found: string[] = [];
  for (const part of line.split(/(\x1b\[[0-9;]*m)/)) {
    const codes = /^\x1b\[([0-9;]*)m$/.exec(part)?.[1];
    if (codes !== undefined) {
      for (const code of codes.split(";")) style = { "1": "b", "31": "r", "32": "g", "36": "c" }[code] ?? "";
      continue;
    }
    const text = part.trim();
    if (text !== "") {
      const x = (column + part.indexOf(text)) * cell.width;
      const length = Bun.stringWidth(text) * cell.width;
      const at = `x="${x.toFixed(1)}" textLength="${length.toFixed(1)}"`;
      found.push(`<tspan ${at}${style === "" ? "" : ` class="${style}"`}>${escaped(text)}</tspan>`);
    }
    column += Bun.stringWidth(part);
  }
  return found.join("");
}

/** Spaces that don't collapse, also where white-space is not understood. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(" ", "\u00a0");
}
