/** Tries to signal what a record must never name. Run under strace. */
import { self, signal } from "../../src/system/process.ts";

const me = self();
for (const pid of [
  0,
  -1,
  1,
  -process.pid,
  2 ** 31,
  2 ** 53,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  "1" as never,
  null as never,
  undefined as never,
])
  console.log(signal({ ...me, pid }, "SIGKILL"));
