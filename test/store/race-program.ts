/** One of many that want the same: `race-program.ts <root> <rounds>` reserves, bears, stops and ends, and says what it won. */
import { openStore } from "../../src/store/store.ts";
import { now } from "../../src/system/clock.ts";
import { self } from "../../src/system/process.ts";
import { aBirth, anEnd, aSnapshot, aStop, aTask } from "../model/records.ts";

const [root = "", rounds = "0"] = Bun.argv.slice(2);
const { attempts } = openStore(root);
const won: Record<"reserve" | "birth" | "stop" | "end", number[]> = { reserve: [], birth: [], stop: [], end: [] };
const me = self();
const make = (n: number) => ({ ...aTask, n, reservedBy: me, reservedAt: now() });
console.log("ready");
await Bun.stdin.stream().getReader().read();
for (let n = 1; n <= Number(rounds); n++) {
  const task = attempts.newest("01") < n ? attempts.reserve("01", make, aSnapshot, null) : null;
  if (task !== null) won.reserve.push(task.n);
  while (attempts.newest("01") < n) await Bun.sleep(0);
  if (attempts.bear("01", n, { ...aBirth, process: me })) won.birth.push(n);
  if (attempts.wishStop("01", n, aStop)) won.stop.push(n);
  if (attempts.end("01", n, { ...anEnd, attempt: `01-${n}`, reason: String(me.pid) })) won.end.push(n);
}
console.log(JSON.stringify(won));
