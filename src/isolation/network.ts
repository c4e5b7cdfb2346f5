/** Both ways out of an agent's network, opened for as long as a program runs inside. */
import { closeSync, constants, openSync, rmSync } from "node:fs";
import { type EgressRule, forwardsOf } from "../model/egress.ts";
import { startEgressProxy } from "./egress-proxy.ts";
import { startModelGateway } from "./model-gateway.ts";

export interface NetworkRequest {
  /** Folder of ours where the sockets are made; removed at the end. */
  readonly folder: string;
  readonly rules: readonly EgressRule[];
  /** Null: the program inside is none that speaks to a model. */
  readonly model: { readonly endpoint: string; readonly credentials: ReadonlyMap<string, string> } | null;
  /** Told of each refusal, of which there can be very many. Both texts are hostile. */
  readonly denied: (target: string, reason: string) => void;
}

/** @returns its end: closes every connection */
export async function openNetwork({ folder, rules, model, denied }: NetworkRequest): Promise<() => Promise<void>> {
  // A crashed predecessor may have left them.
  for (const { socket } of forwardsOf(folder, true)) rmSync(socket, { force: true });
  // The path of a socket has some hundred bytes at most: by way of the open folder it is short wherever the fleet lies.
  const open = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  const short = `/proc/self/fd/${open}`;
  const close: (() => Promise<void> | void)[] = [() => closeSync(open)];
  const closeAll = async () => {
    for (const end of close.splice(0).reverse()) await end();
    for (const { socket } of forwardsOf(folder, true)) rmSync(socket, { force: true });
  };
  try {
    const proxy = await startEgressProxy({ socket: `${short}/egress.sock`, rules, denied });
    close.push(proxy.close);
    if (!model) return closeAll;
    const gateway = await startModelGateway({ ...model, socket: `${short}/model.sock`, denied });
    close.push(gateway.close);
    return closeAll;
  } catch (error) {
    await closeAll();
    throw error;
  }
}
