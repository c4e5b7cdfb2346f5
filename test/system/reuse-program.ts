/** In a pid namespace of its own: makes the kernel give a number out again, then looks at the first owner's identity. */
import { writeFileSync } from "node:fs";
import { identify, liveness, signal } from "../../src/system/process.ts";

const sleeper = () => Bun.spawn(["sleep", "60"], { stdio: ["ignore", "ignore", "ignore"] });
for (let tries = 0; tries < 200; tries++) {
  const first = sleeper();
  const identity = identify(first.pid);
  first.kill("SIGKILL");
  await first.exited;
  await Bun.sleep(30); // Start times are told in hundredths of a second.
  writeFileSync("/proc/sys/kernel/ns_last_pid", String(first.pid - 1));
  const second = sleeper();
  if (identity === null || second.pid !== first.pid) {
    second.kill("SIGKILL");
    await second.exited;
    continue;
  }
  const sent = signal(identity, "SIGKILL");
  const stranger = identify(second.pid);
  console.log(
    `reused: ${liveness(identity)}, ${sent ? "SIGNALLED" : "not signalled"}, stranger ${stranger && liveness(stranger)}`,
  );
  second.kill("SIGKILL");
  await second.exited;
  process.exit(0);
}
throw new Error("the number was never given out again");
