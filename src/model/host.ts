/** Another machine that has a fleet: how ssh reaches it and what the program is called there. */
import * as z from "zod/mini";
import { FleetError } from "./errors.ts";

// What ssh gets as an argument must not look like one of its options, and what becomes a file name must not be a path.
const name = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;
const address =
  /^(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,63}@)?(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,253}|[0-9a-fA-F]*:[0-9a-fA-F:.]{1,45}(?:%[A-Za-z0-9]{1,16})?)$/;
const command = /^(?:\/[\x21-\x7e]{1,254}|[A-Za-z0-9_][A-Za-z0-9._-]{0,63})$/;

const hostSchema = z.strictObject({
  name: z.string().check(z.regex(name)),
  /** `[user@]machine`, as ssh takes it; may be a name of ~/.ssh/config. */
  address: z.string().check(z.regex(address)),
  /** Null: ssh's own. */
  port: z.nullable(z.int().check(z.minimum(1), z.maximum(65_535))),
  /** The program there: an absolute path, or a name on the PATH of shells that are not interactive. */
  command: z.string().check(z.regex(command)),
});
export type Host = z.infer<typeof hostSchema>;

export const hostsSchema = z.strictObject({ version: z.literal(1), hosts: z.array(hostSchema) });

/** @throws FleetError `usage` */
export function parseHostName(text: string): string {
  if (name.test(text)) return text;
  throw new FleetError("usage", `not a name of a host: ${JSON.stringify(text.slice(0, 80))}`, {
    hint: "letters, digits, dots, dashes and underscores, 32 at most",
  });
}

/** @throws FleetError `usage` */
export function parseHost(words: { name: string; address: string; port?: string | undefined; command: string }): Host {
  const wrong = (what: string, value: string, hint: string) =>
    new FleetError("usage", `not ${what}: ${JSON.stringify(value.slice(0, 80))}`, { hint });
  if (!address.test(words.address))
    throw wrong("an address", words.address, "[user@]machine, such as worker@192.0.2.7, or a name of ~/.ssh/config");
  if (!command.test(words.command))
    throw wrong("a command", words.command, "an absolute path such as /usr/local/bin/cw, or a name on PATH");
  const port = words.port === undefined ? null : Number(words.port);
  if (words.port !== undefined && !(/^[1-9][0-9]{0,4}$/.test(words.port) && Number(port) <= 65_535))
    throw wrong("a port", words.port, "--port takes 1 to 65535");
  return { name: parseHostName(words.name), address: words.address, port, command: words.command };
}
