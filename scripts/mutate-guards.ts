/**
 * Takes one guard away at a time, in a copy of this tree, and runs the tests that must notice. A guard whose absence nobody
 * notices is no guard, or has no test. All of them, for the record: `npm run torture -- --suite guards --jobs 2`.
 *
 *   bun scripts/mutate-guards.ts [PART OF A NAME...]
 */
import { guards } from "./guards/all.ts";
import { Copies } from "./guards/mutate.ts";

const wanted = process.argv.slice(2);
const chosen = guards.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
const copies = new Copies();
let caught = 0;
try {
  for (const guard of chosen) {
    const began = performance.now();
    const { verdict, said } = await copies.without(guard);
    if (verdict === "caught") caught++;
    if (verdict === "THE TEST FAILS ANYWAY" || verdict === "BROKEN") console.error(said);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${verdict.padEnd(8)}  ${guard.name} (${guard.file}; ${guard.test}; ${seconds} s)`);
  }
} finally {
  copies.close();
}
console.log(`${caught} of ${chosen.length} guards are missed when they are gone`);
process.exitCode = caught === chosen.length ? 0 : 1;
