/** What GitHub's lists were at the last tick, kept apart for each credential: ETags are bound to it. */
import { join } from "node:path";
import * as z from "zod/mini";
import type { FleetPaths } from "../model/paths.ts";
import { makeFolder, readOwn, replaceFile } from "../system/files.ts";

/** Of the shape of what is kept; older ones are forgotten. */
const version = 1;
const cacheSchema = z.object({
  version: z.literal(version),
  entries: z.record(z.string(), z.object({ etag: z.string(), value: z.unknown() })),
});
const largest = 256 << 20;

export class ListCache {
  private readonly file: string;
  private readonly entries: Map<string, { etag: string; value: unknown }>;
  private readonly used = new Set<string>();
  private changed = false;

  constructor(paths: FleetPaths, token: string) {
    const name = new Bun.CryptoHasher("sha256").update(token).digest("hex").slice(0, 16);
    makeFolder(paths.lists);
    this.file = join(paths.lists, `${name}.json`);
    this.entries = new Map(Object.entries(read(this.file)));
  }

  get(key: string) {
    this.used.add(key);
    return this.entries.get(key);
  }

  set(key: string, entry: { etag: string; value: unknown }): void {
    this.used.add(key);
    this.entries.set(key, entry);
    this.changed = true;
  }

  /** Of the repositories that were read, what no list asked for is forgotten: pages and claims of the past. */
  save(): void {
    if (!this.changed) return;
    const read = new Set([...this.used].map(repoIn));
    const kept = [...this.entries].filter(([key]) => this.used.has(key) || !read.has(repoIn(key)));
    replaceFile(this.file, JSON.stringify({ version, entries: Object.fromEntries(kept) }));
  }
}

/** Keys are paths of the API: `/repos/OWNER/NAME/...` */
function repoIn(key: string): string {
  return key.split("/", 4).join("/").toLowerCase();
}

/** A cache that can't be read is an empty one: it costs requests, nothing else. */
function read(file: string): Record<string, { etag: string; value: unknown }> {
  const found = readOwn(file, largest);
  if (!found?.ok) return {};
  try {
    return cacheSchema.parse(JSON.parse(found.value)).entries as Record<string, { etag: string; value: unknown }>;
  } catch {
    return {};
  }
}
