/** A supervisor that never says go: `gate-program.ts <file that the program would make> <cookie>`. */
import { gated, startChild } from "../../src/system/child.ts";

const [file = "", cookie = ""] = Bun.argv.slice(2);
const env = { PATH: "/usr/bin:/bin", CW_ATTEMPT_COOKIE: cookie };
await startChild(gated({ argv: ["/bin/touch", file], env, cwd: "/" }), "/dev/null");
console.log("started");
await new Promise(() => setInterval(() => {}, 60_000));
