/** What the ways out of an agent's network listen on. */
import type { Server } from "node:net";

/** @param socket path of a Unix socket that is not there yet. @throws Error when it can't be listened on */
export async function listenOn(server: Server, socket: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socket, resolve);
  });
}
