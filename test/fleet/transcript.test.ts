import { afterAll, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { Transcript } from "../../src/fleet/transcript.ts";
import { newFolder } from "../system/folder.ts";

const folder = newFolder();
afterAll(() => folder.remove());

test("an attempt that was parked goes on with the room that is left", () => {
  const path = folder.in("transcript.jsonl");
  for (let run = 0; run < 3; run++) {
    const transcript = new Transcript(path, 1000, []);
    for (let n = 0; n < 20; n++) transcript.add("x".repeat(99), false);
    transcript.close();
  }
  expect(statSync(path).size).toBe(1000);
});
