/**
 * Runs inside the isolation, beside the agent: leads ports of the loopback there to Unix sockets of the supervisor. It decides
 * nothing; an agent that ends it has no network any more. Arguments: `PORT=SOCKET`... Says `ready` when it listens.
 */
import { closeSync, writeSync } from "node:fs";
import { connect, createServer } from "node:net";
import { pipeline } from "node:stream/promises";

for (const argument of Bun.argv.slice(2)) {
  const [port, socket = ""] = argument.split("=", 2);
  const server = createServer({ allowHalfOpen: true }, (inner) => {
    const outer = connect({ path: socket, allowHalfOpen: true });
    // An end on one side is an end on the other; why does not matter here.
    for (const side of [inner, outer]) side.on("error", () => {});
    void Promise.allSettled([pipeline(inner, outer), pipeline(outer, inner)]);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(Number(port), "127.0.0.1", resolve);
  });
}
// Who waits for the word reads to the end of the output.
writeSync(1, "ready\n");
closeSync(1);
