/**
 * Runs inside the isolation before the agent does, as the agent would, and tries what must not work. Argument: what to try, as
 * JSON. Prints what did work, as a JSON list of sentences.
 */
import { dlopen } from "bun:ffi";
import { closeSync, constants, existsSync, lstatSync, openSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import type { CanaryTries } from "../model/canary.ts";

const connectMs = 2000;
const found: string[] = [];
const tries: CanaryTries = JSON.parse(Bun.argv[2] ?? "");

for (const path of tries.absent) if (existsSync(path)) found.push(`${path} is there`);
for (const path of tries.sockets) if (isSocket(path)) found.push(`the socket ${path} can be reached`);
for (const path of tries.unwritable) if (opens(path)) found.push(`${path} can be changed`);

const strange = Object.keys(process.env).filter((name) => !tries.variables.includes(name));
if (strange.length > 0) found.push(`variables that nobody gave: ${strange.join(", ")}`);

const status = readFileSync("/proc/self/status", "utf8");
if (!/^CapEff:\s*0+$/m.test(status)) found.push("it has capabilities");
if (!/^Seccomp:\s*2$/m.test(status)) found.push("it may make any system call");
found.push(...calls());
if (!/^NoNewPrivs:\s*1$/m.test(status)) found.push("it can get privileges");
const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
if (processes.length > tries.mostProcesses) found.push(`${processes.length} processes are visible`);

const interfaces = [...readFileSync("/proc/net/dev", "utf8").matchAll(/^\s*([^\s:]+):/gm)].map(([, name]) => name);
if (interfaces.join() !== "lo") found.push(`network interfaces: ${interfaces.join(", ")}`);
if ((await said("127.0.0.1", tries.outsidePort, "")) !== null) found.push("the loopback of the machine can be reached");
const answer = await said("127.0.0.1", tries.proxyPort, "CONNECT canary.invalid:443 HTTP/1.1\r\n\r\n");
if (!answer?.startsWith("HTTP/1.1 403 ")) found.push(`the proxy said ${JSON.stringify(answer?.slice(0, 40) ?? null)}`);

console.log(JSON.stringify(found));
process.exit(0);

/** System calls that work and must not. Nothing is tried where the C library has a name that is not known. */
function calls(): string[] {
  const x64 = process.arch === "x64";
  const int = "i64" as const;
  for (const library of ["libc.so.6", `libc.musl-${x64 ? "x86_64" : "aarch64"}.so.1`]) {
    try {
      const { symbols } = dlopen(library, { syscall: { args: [int, int, int, int], returns: int } });
      const works = (...call: [number, number, number, number]) => symbols.syscall(...call) >= 0;
      return [
        // KEYCTL_GET_KEYRING_ID: one of this process, made for this.
        ...(works(x64 ? 250 : 219, 0, -2, 1) ? ["the keyrings of the kernel can be reached"] : []),
        // AF_VSOCK, SOCK_STREAM
        ...(works(x64 ? 41 : 198, 40, 1, 0) ? ["sockets that no network namespace covers can be made"] : []),
      ];
    } catch {
      // The other one.
    }
  }
  return [];
}

/** Whether its owner would answer now is no matter: a socket is not to be there. */
function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}

/** Whether a file can be opened for writing, or a folder takes a new file. */
function opens(path: string): boolean {
  const folder = path.endsWith("/");
  const flags = folder ? constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL : constants.O_WRONLY;
  try {
    closeSync(openSync(folder ? `${path}canary-${crypto.randomUUID()}` : path, flags));
    return true;
  } catch {
    return false;
  }
}

/** The first words of whoever answers; "" for one who says nothing; null: no connection. */
function said(host: string, port: number, words: string): Promise<string | null> {
  return new Promise((resolve) => {
    let connected = false;
    const socket = connect({ host, port }, () => {
      connected = true;
      if (words === "") resolve("");
      else socket.write(words);
    });
    socket.setTimeout(connectMs, () => socket.destroy());
    socket.once("data", (chunk) => resolve(chunk.toString("latin1")));
    socket.on("error", () => {}).once("close", () => resolve(connected ? "" : null));
  });
}
