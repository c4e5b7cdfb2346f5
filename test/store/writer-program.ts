/** Writes attempts until it is killed: `writer-program.ts <root> <worker>`. */
import { openStore } from "../../src/store/store.ts";
import { aBirth, anEnd, aSnapshot, aStop, aTask } from "../model/records.ts";

const [root = "", worker = ""] = Bun.argv.slice(2);
const { attempts, journal } = openStore(root);
console.log("ready");
for (;;) {
  const open = attempts.newest(worker);
  // What the last one left open when it was killed is ended first.
  const n = attempts.reserve(worker, (n) => ({ ...aTask, worker, n }), aSnapshot, "x".repeat(5000))?.n ?? open;
  attempts.bear(worker, n, aBirth);
  journal.append(worker, n, { type: "warning", message: "x".repeat(500) });
  attempts.wishStop(worker, n, aStop);
  attempts.recordStarted(worker, n, { monitor: aBirth.process, first: null });
  attempts.end(worker, n, { ...anEnd, worker, attempt: `${worker}-${n}`, files: Array(200).fill("x".repeat(50)) });
}
