/** The network of what runs inside: planned as values, opened for as long as it runs. */
import type { Isolation, Space } from "../isolation/isolation.ts";
import { egressPorts, egressRules, forwardsOf } from "../model/egress.ts";
import { defaultEndpoint } from "../model/model-request.ts";
import type { Credentials, Fleet } from "./fleet.ts";
import type { InFlight } from "./in-flight.ts";

export interface Inside {
  readonly forwards: NonNullable<Space["forwards"]>;
  readonly proxyPort: number | null;
  /** The provider's variables as they are inside: placeholders and the gateway, where the isolation has a network of its own. */
  readonly provider: Credentials["provider"];
  /** What the gateway does with the placeholders; null where there is no gateway. */
  readonly model: { readonly endpoint: string; readonly credentials: ReadonlyMap<string, string> } | null;
}

const endpointName = "ANTHROPIC_BASE_URL";
/** More different ones are counted, not told: an agent could fill the disk with them. */
const mostTold = 50;

/** @param folder where the sockets will be. @param provider null: for a program that speaks to no model */
export function insideOf(
  isolation: Pick<Isolation, "ownNetwork">,
  folder: string,
  provider: Credentials["provider"] | null,
): Inside {
  if (!isolation.ownNetwork) return { forwards: [], proxyPort: null, provider: provider ?? {}, model: null };
  const network = { forwards: forwardsOf(folder, provider !== null), proxyPort: egressPorts.proxy };
  if (provider === null) return { ...network, provider: {}, model: null };
  const credentials = Object.entries(provider)
    .filter(([name]) => name !== endpointName)
    .map(([name, value]) => ({ name, value, placeholder: `placeholder-${crypto.randomUUID()}` }));
  return {
    ...network,
    provider: {
      ...Object.fromEntries(credentials.map(({ name, placeholder }) => [name, placeholder])),
      [endpointName]: `http://127.0.0.1:${egressPorts.model}`,
    },
    model: {
      endpoint: provider[endpointName] ?? defaultEndpoint,
      credentials: new Map(credentials.map(({ placeholder, value }) => [placeholder, value])),
    },
  };
}

/**
 * Does the work with the ways out open, and closes them whatever happens.
 * @param folder as planned. @param attempt what is refused counts for it; null: for nobody
 */
export async function withNetwork<T>(
  fleet: Pick<Fleet, "config" | "openNetwork">,
  inside: Inside,
  folder: string,
  attempt: Pick<InFlight, "denials" | "figures"> | null,
  work: () => Promise<T>,
): Promise<T> {
  if (inside.forwards.length === 0) return await work();
  const denied = attempt?.denials.add ?? (() => {});
  const close = await fleet.openNetwork({
    folder,
    rules: egressRules(fleet.config.egress),
    model: inside.model,
    denied,
  });
  try {
    return await work();
  } finally {
    await close();
    if (attempt) attempt.figures = { ...attempt.figures, denied: attempt.denials.count };
  }
}

/** Counts what is refused to an attempt, and tells each once. */
export class Denials {
  count = 0;
  private readonly told = new Set<string>();

  constructor(private readonly say: InFlight["say"]) {}

  readonly add = (target: string, reason: string): void => {
    this.count += 1;
    if (this.told.has(target) || this.told.size >= mostTold) return;
    this.told.add(target);
    this.say({ type: "egress:denied", target, reason });
  };
}
