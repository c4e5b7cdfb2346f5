/** The scripted agent with the plays of the demo written behind it: one program that needs nothing else. */
import program from "../standin/scripted-agent" with { type: "text" };
import { elsewise, plays } from "./plays.ts";

/** @param pauseS seconds after each step. @returns the text of an executable */
export function scriptedAgent(pauseS: number): string {
  const all = [
    ...Object.entries(plays).map(([key, play]) => ({ key, turns: play(".") })),
    { key: "-", turns: elsewise },
  ];
  const lines = all.flatMap(({ key, turns }) =>
    turns.flatMap(({ text, calls = [] }) => [
      ...(text === undefined ? [] : [[key, "text", coded(text)]]),
      ...calls.map(({ tool, input }) => [key, tool.replace("mcp__worker__", ""), ...Object.values(input).map(coded)]),
    ]),
  );
  return `${program}pause ${pauseS}\n${lines.map((line) => `${line.join(" ")}\n`).join("")}`;
}

function coded(value: unknown): string {
  return Buffer.from(String(value)).toString("base64");
}
