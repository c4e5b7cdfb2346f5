/** What of the system's settings an agent that is root must not have. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { byEachName, systemFolders, systemPlaces, unreadable } from "../../src/isolation/system-folders.ts";

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "cw-etc-")));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("A45: what services listen in is not among what is shown", () => {
  const sockets = ["/nix/var/nix/daemon-socket/socket", "/run/docker.sock", "/var/run/mysqld/mysqld.sock"];
  expect(sockets.filter((path) => systemPlaces.some((place) => path.startsWith(`${place}/`)))).toEqual([]);
});

test("A45: a socket is known by each name that it has inside", () => {
  mkdirSync(join(folder, "usr/bin/deep"), { recursive: true });
  symlinkSync("usr/bin", join(folder, "bin"));
  const [usr, bin] = [join(folder, "usr"), join(folder, "bin")];
  const socket = join(usr, "bin/deep/s");
  expect(byEachName([socket, "/srv/s"], [bin, usr])).toEqual([socket, join(bin, "deep/s"), "/srv/s"]);
  expect(byEachName([join(usr, "bin2/s")], [bin, usr])).toEqual([join(usr, "bin2/s")]);
});

test("A44: files and folders that others may not read are found, and nothing behind links", () => {
  for (const [name, mode] of Object.entries({
    open: 0o755,
    "open/deep": 0o755,
    closed: 0o750,
    through: 0o711,
    list: 0o754,
    known: 0o700,
  })) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "secret"), "x", { mode: 0o600 });
    writeFileSync(join(folder, name, "public"), "x", { mode: 0o644 });
    chmodSync(join(folder, name), mode);
  }
  symlinkSync("/root", join(folder, "link"));
  symlinkSync("nowhere", join(folder, "dangling"));
  const at = (...names: string[]) => names.map((name) => join(folder, name)).sort();
  const { files, folders } = unreadable(folder, at("known"));
  expect(files.sort()).toEqual(at("open/secret", "open/deep/secret"));
  expect(folders.sort()).toEqual(at("closed", "through", "list"));
});

test.if(process.getuid?.() === 0)("A44: as root all of /etc is looked at, quickly", () => {
  const { masked, maskedFolders } = systemFolders("/usr/bin/bwrap");
  for (const path of unreadable("/etc", maskedFolders).files) expect(masked).toContain(path);
  for (const path of maskedFolders) expect(statSync(path).isDirectory()).toBe(true);
  expect(new Set(masked).size).toBe(masked.length);
});
