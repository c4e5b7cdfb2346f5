/** Many connections to a Unix socket at once, none of which says anything. */
import { connect, type Socket } from "node:net";

/** @param many fewer than may wait to be taken up, which are 511 */
export async function floodOf(socket: string, many: number) {
  const open = new Set<Socket>();
  const begun = Array.from({ length: many }, async () => {
    const one = connect({ path: socket });
    open.add(one);
    one.on("error", () => {});
    const gone = new Promise<void>((resolve) => one.once("close", () => resolve(void open.delete(one))));
    // Read, or its end is not heard of.
    await Promise.race([new Promise<void>((resolve) => one.resume().once("connect", () => resolve())), gone]);
  });
  await Promise.all(begun);
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
