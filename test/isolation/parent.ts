/** Starts a program inside and waits: a parent that killing.test.ts can kill. */
import { smallFleet, type Who } from "./inside.ts";

const { who, cookie, script } = JSON.parse(process.env["PARENT"] ?? "") as { who: Who; cookie: string; script: string };
const fleet = smallFleet(who);
const { process: child } = fleet.start({
  argv: ["/bin/sh", "-c", script],
  env: { PATH: "/usr/bin:/bin", CW_ATTEMPT_COOKIE: cookie },
  cwd: fleet.cwd,
});
await child.stdout.pipeTo(new WritableStream({ write: async (chunk) => void (await Bun.write(Bun.stdout, chunk)) }));
