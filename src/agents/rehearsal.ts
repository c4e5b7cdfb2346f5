/** The program of the dry-run agent: reads the prompt, says what an agent would do with it, and does nothing. */
const prompt = await Bun.stdin.text();
const lines = prompt.split("\n").length;
const steps = [
  `read the prompt (${lines} ${lines === 1 ? "line" : "lines"})`,
  "make the change in the clone",
  "run the project's tests",
  "commit on the branch",
];
const said = [
  { type: "init" },
  ...steps.map((text) => ({ type: "step", text })),
  prompt.trim() === ""
    ? { type: "result", ok: false, text: "the prompt is empty" }
    : { type: "result", ok: true, text: steps.map((text, index) => `${index + 1}. ${text}`).join("\n") },
];
await Bun.write(Bun.stdout, said.map((line) => `${JSON.stringify(line)}\n`).join(""));

export {};
