/** The hosts that were added: a file in the configuration folder. */
import { dirname } from "node:path";
import { FleetError } from "../model/errors.ts";
import { type Host, hostsSchema } from "../model/host.ts";
import { nearest } from "../model/nearest.ts";
import { readOwn, replaceFile } from "../system/files.ts";
import { oneAtATime } from "../system/lock.ts";

const patienceMs = 30_000;

/** By name. @throws FleetError `config` when the file is not as we write it */
export function readHosts(file: string): Host[] {
  const read = readOwn(file);
  if (read === null) return [];
  if (!read.ok) throw new FleetError("config", read.reason);
  try {
    return hostsSchema.parse(JSON.parse(read.value)).hosts;
  } catch {
    throw new FleetError("config", `${file}: is not a list of hosts as cw hosts add writes it`);
  }
}

/** @throws FleetError `notFound` with the nearest name */
export async function findHost(file: string, name: string): Promise<Host> {
  const hosts = readHosts(file);
  const found = hosts.find((host) => host.name === name);
  if (found) return found;
  const names = hosts.map((host) => host.name);
  const near = await nearest(name, names);
  throw new FleetError("notFound", `there is no host ${name}`, {
    hint: near ? `did you mean ${near}?` : `cw hosts add ${name} user@machine`,
  });
}

/** Replaces one of the same name. @returns false when it was there just like that */
export async function addHost(file: string, host: Host): Promise<boolean> {
  return await alone(file, () => {
    const hosts = readHosts(file);
    const before = hosts.find(({ name }) => name === host.name);
    if (before && Bun.deepEquals(before, host)) return false;
    writeHosts(file, [...hosts.filter(({ name }) => name !== host.name), host]);
    return true;
  });
}

export async function removeHost(file: string, name: string): Promise<void> {
  await alone(file, () => {
    const rest = readHosts(file).filter((host) => host.name !== name);
    writeHosts(file, rest);
  });
}

/** Who read the list before another has written it would write it without the other's host. */
async function alone<T>(file: string, change: () => T): Promise<T> {
  return await oneAtATime(dirname(file), "hosts", async () => change(), patienceMs);
}

function writeHosts(file: string, hosts: readonly Host[]): void {
  const sorted = hosts.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  replaceFile(file, `${JSON.stringify({ version: 1, hosts: sorted }, null, 2)}\n`);
}
