/** `cw hosts`: the other machines that `--host` and `status --all-hosts` know. */
import { FleetError } from "../../model/errors.ts";
import { parseHost, parseHostName } from "../../model/host.ts";
import { hostLines } from "../../reports/hosts.ts";
import { type CommandFactory, defineCommand } from "../command.ts";

const command: CommandFactory = (app) =>
  defineCommand({
    meta: {
      name: "hosts",
      description:
        "Names other machines that have a fleet, for cw --host NAME COMMAND and cw status --all-hosts: add NAME ADDRESS, list, remove NAME. They are reached with ssh, without a password: by a key.",
      example: "cw hosts add vps worker@192.0.2.7",
    },
    args: {
      action: { type: "positional", options: ["add", "list", "remove"], description: "what to do" },
      name: { type: "positional", required: false, description: "what the host is called here" },
      address: { type: "positional", required: false, description: "[user@]machine, or a name of ~/.ssh/config" },
      command: { type: "string", valueHint: "PATH", description: "the program there (default: cw)" },
      port: { type: "string", valueHint: "N", description: "port of its ssh server (default: ssh's own)" },
    },
    run: async ({ action, name, address, command, port }) => {
      const extra = command !== undefined || port !== undefined;
      if (action === "add" && name !== undefined && address !== undefined) {
        const host = parseHost({ name, address, port, command: command ?? "cw" });
        const changed = await (await (await app()).hosts()).add(host);
        return {
          text: `${name}: ${changed ? `added (cw --host ${name} status)` : "unchanged"}`,
          json: { host, changed },
        };
      }
      if (action === "list" && name === undefined && !extra) {
        const hosts = (await (await app()).hosts()).list();
        return { text: hostLines(hosts), json: hosts };
      }
      if (action === "remove" && name !== undefined && address === undefined && !extra) {
        const host = await (await (await app()).hosts()).remove(parseHostName(name));
        return { text: `${name}: removed`, json: { host } };
      }
      throw new FleetError("usage", "cw hosts takes add NAME ADDRESS, list, or remove NAME", {
        hint: "cw hosts --help",
      });
    },
  });
export default command;
