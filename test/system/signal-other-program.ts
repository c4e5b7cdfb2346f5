/** Tries to signal a process of another user: `signal-other-program.ts <pid>`. */
import { identify, liveness, signal } from "../../src/system/process.ts";

const one = identify(Number(Bun.argv[2]));
if (one === null) throw new Error("it is not there");
console.log(liveness(one), signal(one, "SIGTERM"));
