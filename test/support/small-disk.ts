/** A disk in memory that is soon full. Needs root. */
import { mkdirSync } from "node:fs";
import { until } from "./fleet.ts";

const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };

/** Runs the work with that folder, which is made, on a disk of so many MiB. */
export async function onSmallDisk<T>(folder: string, mebibytes: number, work: () => Promise<T>): Promise<T> {
  mkdirSync(folder, { mode: 0o700 });
  const argv = ["mount", "-t", "tmpfs", "-o", `size=${mebibytes}m,mode=700`, "none", folder];
  const { exitCode, stderr } = Bun.spawnSync(argv, { env });
  if (exitCode !== 0) throw new Error(`${argv.join(" ")}: ${stderr}`);
  try {
    return await work();
  } finally {
    const unmounted = () => Bun.spawnSync(["umount", folder], { env }).exitCode === 0;
    await until("nobody uses the disk", () => unmounted() || null, 10_000);
  }
}
