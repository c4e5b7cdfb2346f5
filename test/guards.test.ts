/** The list of guards, as far as that can be told without taking them away: that is test/torture/guards.ts. */
import { expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guards } from "../scripts/guards/all.ts";
import { Copies } from "../scripts/guards/mutate.ts";

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

test("a guard is caught by a test that fails or hangs, and by nothing else that ends badly", async () => {
  const tree = mkdtempSync(join(tmpdir(), "cw-guarded-"));
  for (const name of ["bin", "src", "test"]) mkdirSync(join(tree, name));
  copyFileSync(join(root, "bin/empty-bunfig.toml"), join(tree, "bin/empty-bunfig.toml"));
  writeFileSync(join(tree, "src/guarded.ts"), "// nothing else\nexport const guarded = () => true;\n");
  const file = (body: string) =>
    `import { expect, test } from "bun:test";\nimport { guarded } from "../src/guarded.ts";\n${body}\n`;
  writeFileSync(join(tree, "test/it.test.ts"), file(`test("it", () => expect(guarded()).toBe(true));`));
  writeFileSync(join(tree, "test/no.test.ts"), file(`test("it", () => expect(guarded()).toBe(3));`));
  const copies = new Copies(tree, 10_000);
  try {
    const without = async (text: string, instead: string, by = "it") =>
      (await copies.without({ name: "made up", file: "src/guarded.ts", text, instead, test: `test/${by}.test.ts` }))
        .verdict;
    expect({
      gone: await without("=> true", "=> false"),
      throwing: await without("=> true", "=> { throw new Error(); }"),
      hanging: await without("=> true", "=> { for (;;); }"),
      "unloadable at once": await without("// nothing else", `import "./nowhere.ts";`),
      "hanging while it is loaded": await without("// nothing else", "for (;;);"),
      "ending the process": await without("=> true", "=> process.exit(3)"),
      same: await without("=> true", "=> 1 === 1"),
      elsewhere: await without("=> maybe", "=> false"),
      "failing anyway": await without("=> true", "=> false", "no"),
    }).toEqual({
      ...{ gone: "caught", throwing: "caught", hanging: "caught" },
      ...{ "unloadable at once": "BROKEN", "hanging while it is loaded": "BROKEN", "ending the process": "BROKEN" },
      ...{ same: "UNSEEN", elsewhere: "NOT THERE", "failing anyway": "THE TEST FAILS ANYWAY" },
    });
  } finally {
    copies.close();
    rmSync(tree, { recursive: true });
  }
}, 120_000);
