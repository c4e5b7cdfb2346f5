/** The other machines of an operator: which there are, and this program on each of them. */
import { dirname } from "node:path";
import type { Host } from "../model/host.ts";
import { addHost, findHost, readHosts, removeHost } from "./list.ts";
import { askThere, hangUp, runThere, type Said, type Streams } from "./reach.ts";

/** @param file where they are kept. @param toolPath where ssh is looked for */
export function hosts(file: string, toolPath: string) {
  const reach = { toolPath, folder: dirname(file) };
  return {
    list: (): Host[] => readHosts(file),
    /** @returns false when it was there just like that */
    add: (host: Host): Promise<boolean> => addHost(file, host),
    /** @throws FleetError `notFound` */
    async remove(name: string): Promise<Host> {
      const host = await findHost(file, name);
      await hangUp(reach, host);
      await removeHost(file, name);
      return host;
    },
    /** On the streams of this process. @returns the exit code there. @throws FleetError `notFound`, `environment` */
    async run(name: string, argv: readonly string[], streams: Streams): Promise<number> {
      return await runThere(reach, await findHost(file, name), argv, streams);
    },
    /** What it says there. @throws FleetError `environment` */
    ask: (host: Host, argv: readonly string[], timeoutMs: number): Promise<Said> =>
      askThere(reach, host, argv, timeoutMs),
  };
}
export type Hosts = ReturnType<typeof hosts>;
