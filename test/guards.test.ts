/** The list of guards, as far as that can be told without taking them away: that is test/torture/guards.ts. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { guards } from "../scripts/guards/all.ts";

const root = join(import.meta.dir, "..");
const texts = new Map<string, string>();
function read(file: string): string {
  const text = texts.get(file) ?? (existsSync(join(root, file)) ? readFileSync(join(root, file), "utf8") : "");
  texts.set(file, text);
  return text;
}

/** Titles as they stand in a file, before anything is filled in; some are names of rows. */
const title = /(?:\b(?:test|describe)[\w.]*\(|\)\(|\bname:)\s*(["`])((?:(?!\1).)*)/g;

test("each has a name of its own", () => {
  const names = guards.map(({ name }) => name);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

test("each text stands exactly once in its file, and something else is to stand there", () => {
  const wrong = guards
    .map(({ name, file, text, instead }) => ({ name, file, text, instead, found: read(file).split(text).length - 1 }))
    .filter(({ text, instead, found }) => found !== 1 || instead === text)
    .map(({ name, file, found }) => `${name}: ${found} times in ${file}`);
  expect(wrong).toEqual([]);
});

test("what is left without it is a program: a test that can't read it proves nothing", () => {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const wrong = guards.flatMap(({ name, file, text, instead }) => {
    try {
      transpiler.transformSync(read(file).replace(text, () => instead));
      return [];
    } catch (error) {
      return [`${name}: ${file}: ${error}`];
    }
  });
  expect(wrong).toEqual([]);
});

test("each test is there, with a title that it is chosen by", () => {
  const wrong = guards.flatMap(({ name, test: file, only }) => {
    if (read(file) === "") return [`${name}: there is no ${file}`];
    const titles = [...read(file).matchAll(title)].map(([, , words = ""]) => words);
    if (only === undefined || titles.some((words) => new RegExp(only).test(words))) return [];
    return [`${name}: no test of ${file} is called ${only}`];
  });
  expect(wrong).toEqual([]);
});
