/** Many connections to a Unix socket at once, none of which says anything. */
import { connect } from "node:net";

/** All have been taken up, or refused, as far as the one who connects can tell. */
export async function floodOf(socket: string, many: number) {
  const open = new Set(Array.from({ length: many }, () => connect({ path: socket })));
  const ready = [...open].map(
    (one) =>
      new Promise<void>((resolve) => {
        one.on("error", () => {});
        // Read, or its end is not heard of.
        one.resume().once("connect", () => resolve());
        one.once("close", () => resolve(void open.delete(one)));
      }),
  );
  await Promise.all(ready);
  return {
    /** How many are left once there are no more than so many, or after 5 s. */
    async left(most: number): Promise<number> {
      for (let waited = 0; open.size > most && waited < 5000; waited += 20) await Bun.sleep(20);
      // Time for more of them to go.
      await Bun.sleep(200);
      return open.size;
    },
    end: () => {
      for (const one of open) one.destroy();
    },
  };
}
