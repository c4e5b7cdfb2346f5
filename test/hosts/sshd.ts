/** A real ssh server of an ordinary user, on a loopback port, with keys of its own; and an ssh client that knows nothing else. */
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../support/fleet.ts";
import type { OrdinaryUser } from "../support/user.ts";

const path = "/usr/sbin:/usr/bin:/sbin:/bin";
const tool = (name: string) => Bun.which(name, { PATH: path });

/** Null when all is there. */
export const noSsh = ["sshd", "ssh", "ssh-keygen"].some((name) => tool(name) === null)
  ? "openssh-server and openssh-client are not installed"
  : null;

export interface Sshd {
  readonly port: number;
  readonly user: string;
  readonly pid: number;
  /** A folder with an `ssh` that uses the test's key and known hosts: first on PATH. */
  readonly bin: string;
  /** What the server said. */
  log(): string;
  close(): Promise<void>;
}

/** @param env what each session has, beside what ssh gives. @param folder of the user, which the caller removes */
export async function startSshd(user: OrdinaryUser, folder: string, env: Record<string, string>): Promise<Sshd> {
  const place = join(folder, "sshd");
  const bin = join(folder, "client");
  mkdirSync(place, { mode: 0o700 });
  mkdirSync(bin, { mode: 0o755 });
  const key = (file: string) => run([tool("ssh-keygen") ?? "", "-q", "-t", "ed25519", "-N", "", "-f", file]);
  key(join(place, "host"));
  key(join(bin, "key"));
  const name = run(["/usr/bin/id", "-un", String(user.uid)]).trim();
  writeFileSync(join(place, "authorized_keys"), readFileSync(join(bin, "key.pub")));
  const port = freePort();
  const settings = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${join(place, "host")}`,
    `AuthorizedKeysFile ${join(place, "authorized_keys")}`,
    "UsePAM no",
    "PidFile none",
    "StrictModes no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "LogLevel VERBOSE",
    `SetEnv ${Object.entries(env)
      .map(([variable, value]) => `"${variable}=${value}"`)
      .join(" ")}`,
  ];
  writeFileSync(join(place, "config"), `${settings.join("\n")}\n`);
  for (const file of ["", "host", "authorized_keys", "config"]) chownSync(join(place, file), user.uid, user.gid);
  const known = readFileSync(join(place, "host.pub"), "utf8").split(" ").slice(0, 2).join(" ");
  writeFileSync(join(bin, "known_hosts"), `[127.0.0.1]:${port} ${known}\n`);
  const client = [
    "Host *",
    `IdentityFile ${join(bin, "key")}`,
    "IdentitiesOnly yes",
    `UserKnownHostsFile ${join(bin, "known_hosts")}`,
    "GlobalKnownHostsFile /dev/null",
    "StrictHostKeyChecking yes",
  ];
  writeFileSync(join(bin, "config"), `${client.join("\n")}\n`, { mode: 0o600 });
  // ssh looks for ~/.ssh in the home of the account, whatever HOME says.
  writeFileSync(join(bin, "ssh"), `#!/bin/sh\nexec ${tool("ssh")} -F '${join(bin, "config")}' "$@"\n`);
  chmodSync(join(bin, "ssh"), 0o755);

  const log = join(folder, "sshd.log");
  const server = Bun.spawn(user.as([tool("sshd") ?? "", "-D", "-e", "-f", join(place, "config")]), {
    env: { PATH: path },
    cwd: "/",
    stdio: ["ignore", Bun.file(log), Bun.file(log)],
  });
  const said = () => readFileSync(log, "utf8");
  await until("sshd listens", () => (said().includes("Server listening") ? true : null), 20_000, said);
  return {
    port,
    user: name,
    pid: server.pid,
    bin,
    log: said,
    async close() {
      server.kill("SIGTERM");
      await server.exited;
    },
  };
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

function run(argv: string[]): string {
  const { stdout, stderr, exitCode } = Bun.spawnSync(argv, { env: { PATH: path } });
  if (exitCode !== 0) throw new Error(`${argv.join(" ")}: ${stderr}`);
  return stdout.toString();
}
