/** What a fleet is called by the user's systemd, and the scope that it makes for each attempt. */

/** Of a fleet's units, without a suffix; each fleet of a user has its own. */
export function unitName(root: string): string {
  return `claude-workers-${new Bun.CryptoHasher("sha256").update(root).digest("hex").slice(0, 8)}`;
}

/** Arguments of busctl: the user's systemd makes a scope and moves the process there. The signature is that of its D-Bus API. */
export function scopeCall(scope: string, pid: number, most: { memoryBytes: number; processes: number }): string[] {
  const manager = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"];
  const limits = [...["MemoryMax", "t", `${most.memoryBytes}`], ...["TasksMax", "t", `${most.processes}`]];
  const place = ["PIDs", "au", "1", String(pid), "CollectMode", "s", "inactive-or-failed"];
  // Half of what everything else of the user gets, when the processor is short.
  const properties = ["5", ...place, ...limits, "CPUWeight", "t", "50"];
  const words = [`${scope}.scope`, "fail", ...properties, "0"];
  return ["--user", "--quiet", "call", ...manager, "StartTransientUnit", "ssa(sv)a(sa(sv))", ...words];
}
