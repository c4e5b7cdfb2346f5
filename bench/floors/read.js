// One readdir, and for each worker one read and parse of its newest record.
import { readdirSync, readFileSync } from "node:fs";

const control = process.argv[2] ?? "";
let seen = 0;
for (const worker of readdirSync(control))
  seen += Object.keys(JSON.parse(readFileSync(`${control}/${worker}/attempts/0001/task.json`, "utf8"))).length;
if (seen === 0) throw new Error("nothing read");
