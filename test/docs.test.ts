/** The pages say what the code does, where that can be checked: tables, variables, links. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeTables, places, withTables } from "../scripts/tables.ts";

const root = join(import.meta.dir, "..");
const read = (file: string) => readFileSync(join(root, file), "utf8");
const pages = ["README.md", ...new Bun.Glob("docs/**/*.md").scanSync(root)].sort();

describe("tables", async () => {
  const tables = await makeTables();
  for (const [file, names] of Object.entries(places)) {
    for (const name of names) {
      test(`${file}: ${name} (if not: bun scripts/tables.ts)`, () => {
        const text = read(file);
        expect(text === withTables(text, [name], tables) ? "as the code says" : tables[name]).toBe("as the code says");
      });
    }
  }
});

describe("README", () => {
  const readme = read("README.md");

  test("names every variable that is read, and no other", () => {
    const names = (text: string) => new Set(text.match(/\b(?:CW|GITHUB|GH|ANTHROPIC|CLAUDE_CODE)_[A-Z_]+\b/g));
    const section = /## Configuration\n([\s\S]*?)\n## /.exec(readme)?.[1] ?? "";
    expect([...names(section)].sort()).toEqual(
      [...names(read("src/config/load.ts") + read("src/config/app-key.ts"))].sort(),
    );
  });

  test("opens with the picture and the two commands", () => {
    const [opening = ""] = readme.split("\n## ");
    expect(opening).toContain("](docs/demo.svg)");
    expect(opening).toContain("npm run demo");
    expect(opening).toContain("npm test");
    const picture = read("docs/demo.svg");
    expect(picture.length).toBeLessThan(200_000);
    // The figures of a whole run, and nothing of the machine that recorded it.
    expect(picture.replaceAll("\u00a0", " ")).toContain("3 of 3 verified.");
    expect(picture).not.toMatch(/\/(?:root|home|work)\//);
  });
});

describe("links", () => {
  /** As GitHub makes anchors from headings. */
  const anchor = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(" ", "-");

  for (const page of pages) {
    test(page, () => {
      const text = read(page).replace(/```[\s\S]*?```/g, "");
      const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) => {
        if (/^[a-z]+:/.test(link)) return [];
        const [path = "", fragment] = link.split("#");
        const target = path === "" ? page : join(dirname(page), path);
        if (!existsSync(join(root, target))) return [link];
        const headings = fragment === undefined ? [] : (read(target).match(/^#+ .*$/gm) ?? []);
        const known = headings.map((heading) => anchor(heading.replace(/^#+ /, "")));
        return fragment === undefined || known.includes(fragment) ? [] : [link];
      });
      expect(broken).toEqual([]);
    });
  }

  test("every decision is in the list of decisions", () => {
    const list = read("docs/adr/README.md");
    const decisions = readdirSync(join(root, "docs/adr")).filter((name) => /^\d{4}-/.test(name));
    expect(decisions.filter((name) => !list.includes(`(${name})`))).toEqual([]);
  });
});

test("files and folders that the pages name exist", () => {
  const named = /`((?:src|test|scripts|docs|templates|bin)\/[\w./-]+)`/g;
  const missing = pages.flatMap((page) =>
    [...read(page).matchAll(named)].flatMap(([, path = ""]) =>
      existsSync(join(root, path)) || page.includes("adding-a-command") ? [] : [`${page}: ${path}`],
    ),
  );
  expect(missing).toEqual([]);
});
