/** What a stranger's text may tell an agent, and what an agent's text may do on GitHub, or carry there. */
import type { Guard } from "./guard.ts";

const visible = { file: "src/model/visible-text.ts", test: "test/model/visible-text.test.ts" };
const writer = { file: "src/model/markdown-writer.ts", test: "test/model/visible-text.test.ts" };
const posted = { file: "src/reports/posted-text.ts", test: "test/reports/posted.test.ts", only: "S34" };
const secrets = { file: "src/model/known-secrets.ts", test: "test/model/known-secrets.test.ts" };

export const wordGuards: readonly Guard[] = [
  {
    name: "an agent gets what GitHub shows of an issue",
    file: "src/fleet/read-work.ts",
    text: "of = visibleText",
    instead: "of = (visibleText, withoutHiddenCharacters)",
    test: "test/security/issue.test.ts",
    only: "S33",
  },
  {
    name: "the content of elements that are not shown is dropped",
    ...visible,
    text: "if (hides) hiding++;",
    instead: "if (hides) hiding += 0;",
  },
  {
    name: "only its own end tag ends a template",
    ...visible,
    text: "(!shut.has(name) || end.name === name)",
    instead: "end.name !== null",
  },
  {
    name: "comments end where every parser ends them",
    ...visible,
    text: 'html.replaceAll("--!>", "--! >")',
    instead: "html",
  },
  {
    name: "what began blocks once begins them",
    ...visible,
    text: "plain.replace(sourceTag, `$1",
    instead: "plain.replace(/\\0/, `$1",
  },
  {
    name: "texts that are nested too deeply are refused",
    ...visible,
    text: "if (depthOf(html) > deepest)",
    instead: "if (depthOf(html) > 1_000_000)",
  },
  {
    name: "hidden characters go last, whatever wrote them",
    ...visible,
    text: "withoutHiddenCharacters(writer.end())",
    instead: "{ text: writer.end(), hidden: withoutHiddenCharacters(source).hidden }",
  },
  {
    name: "links that nobody sees are left out",
    ...writer,
    text: 'text === "" || text === "[image]" || !followed',
    instead: "!followed",
  },
  {
    name: "only addresses that can be followed are kept",
    ...writer,
    text: 'text === "[image]" || !followed',
    instead: 'text === "[image]"',
  },
  {
    name: "the language of a fence is one word",
    ...writer,
    text: "[\\w+#.-]{1,20})$/",
    instead: ".*)$/",
  },
  {
    name: "maps are not shown as text",
    ...writer,
    text: "drawn.has(language.toLowerCase())",
    instead: 'language === ""',
  },
  {
    name: "footnotes that nothing refers to are left out",
    file: "src/model/foot-notes.ts",
    text: "note === null || numbers.has(note)",
    instead: 'note !== "x"',
    test: "test/model/visible-text.test.ts",
  },
  {
    name: "labels of footnotes become numbers",
    file: "src/model/foot-notes.ts",
    text: "return number === undefined ?",
    instead: "return number !== undefined ?",
    test: "test/model/visible-text.test.ts",
  },
  {
    name: "marks of footnotes can't be forged",
    file: "src/model/foot-notes.ts",
    text: 'return point >= 0xfdd0 && point <= 0xfdef ? "" : whole;',
    instead: "return point === 0 ? '' : whole;",
    test: "test/model/visible-text.test.ts",
  },
  {
    name: "phantoms are left out",
    file: "src/model/page-omissions.ts",
    text: "const end = ends.get(phantom.lastIndex - 1);",
    instead: "const end = ends.get(-1);",
    test: "test/model/visible-text.test.ts",
  },
  { name: "tags, images and destinations are text", ...posted, text: ".replace(markup,", instead: ".replace(/\\0/g," },
  { name: "pictures are not drawn", ...posted, text: ".replace(drawn,", instead: ".replace(/\\0/g," },
  { name: "references write to no other issue", ...posted, text: ".replace(reference,", instead: ".replace(/\\0/g," },
  { name: "people are not called", ...posted, text: ".replace(mention,", instead: ".replace(/\\0/g," },
  { name: "closing words close nothing", ...posted, text: ".replace(closing,", instead: ".replace(/\\0/g," },
  { name: "checks are not left out", ...posted, text: ".replace(unchecked,", instead: ".replace(/\\0/g," },
  { name: "commands are text", ...posted, text: ".replace(command,", instead: ".replace(/\\0/g," },
  {
    name: "references to characters are text",
    ...posted,
    text: "line.replace(entity,",
    instead: "line.replace(/\\0/g,",
  },
  { name: "only certain code is taken for code", ...posted, text: "if (begun && certain)", instead: "if (begun)" },
  {
    name: "a fence of less ticks ends no code",
    ...posted,
    text: "open.length},}$",
    instead: "open.length > 0 ? 1 : 2},}.*$",
  },
  {
    name: "titles of proposals are harmless",
    file: "src/reports/proposal.ts",
    text: "return harmless(printable(title, 200).trim());",
    instead: "return harmless === null ? '' : printable(title, 200).trim();",
    test: posted.test,
  },
  {
    name: "escaped secrets are found",
    ...secrets,
    text: "return this.meant.in(plain, line);",
    instead: "return false;",
  },
  { name: "UTF-16 is read", ...secrets, text: '.replaceAll("\\0", "")', instead: "" },
  { name: "secrets in base32 are found", ...secrets, text: "[0, 1, 2, 3, 4].flatMap", instead: "[].flatMap" },
  {
    name: "secrets in base64 of UTF-16 are found",
    ...secrets,
    text: "[bytes, wide, Buffer.from(wide).swap16()]",
    instead: "[bytes]",
  },
  { name: "secrets in capitals are found", ...secrets, text: "    value.toUpperCase(),\n", instead: "" },
  {
    name: "escaped shapes of secrets are found",
    file: "src/model/secret-shapes.ts",
    text: "(plain !== text && shape.test(plain))",
    instead: "false",
    test: secrets.test,
  },
];
