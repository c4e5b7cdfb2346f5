/** Sockets that somebody has, as the kernel of this machine tells them. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { boundSockets } from "../../src/system/unix-sockets.ts";

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "cw-unix-")));
});
afterAll(() => rmSync(folder, { recursive: true }));

const ours = () => boundSockets().filter((path) => path.startsWith(`${folder}/`));
const listen = (path: string) => Bun.listen({ unix: path, socket: { data() {} } });

test("A45: found with its true path for as long as it is there", () => {
  mkdirSync(join(folder, "true place"));
  symlinkSync("true place", join(folder, "link"));
  const plain = listen(join(folder, "plain.sock"));
  const linked = listen(join(folder, "link/a socket"));
  const nameless = listen(`\0${folder}/abstract`);
  try {
    expect(ours()).toEqual([join(folder, "plain.sock"), join(folder, "true place/a socket")]);
    // What lies there now is somebody's file.
    rmSync(join(folder, "plain.sock"));
    writeFileSync(join(folder, "plain.sock"), "");
    expect(ours()).toEqual([join(folder, "true place/a socket")]);
  } finally {
    for (const one of [plain, linked, nameless]) one.stop(true);
  }
  expect(ours()).toEqual([]);
});
