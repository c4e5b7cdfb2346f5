/** The fleet's own repositories of one local GitHub's `acme/site`, a new one for each case, with the real git. */
import * as fs from "node:fs";
import { join } from "node:path";
import type { GitSettings } from "../../src/store/git.ts";
import { Mirror } from "../../src/store/mirror.ts";
import { startSite, tokenOf } from "../standin/site.ts";
import { newFolder } from "../system/folder.ts";

export const limit = 30_000;
export type Mirrors = Awaited<ReturnType<typeof openMirrors>>;

export async function openMirrors() {
  const folder = newFolder();
  const site = await startSite();
  const settings: GitSettings = {
    program: Bun.which("git") ?? "git",
    toolPath: "/usr/local/bin:/usr/bin:/bin",
    home: folder.in("home"),
    serverUrl: site.github.url,
    token: tokenOf("wil"),
    waitsMs: [],
  };
  fs.mkdirSync(settings.home);
  let serial = 0;
  const next = () => {
    const place = folder.in(`case-${++serial}`);
    fs.mkdirSync(place);
    const attempt = `01-${serial}`;
    return { place, attempt, mirror: new Mirror(settings, join(place, "mirror.git"), "acme/site", attempt) };
  };
  return {
    folder,
    site,
    settings,
    /** A folder of its own, and a mirror in it that holds nothing yet. */
    next,
    /** The same, fetched, with the clone of an agent that works on `issue-1`. */
    async cloned() {
      const { place, attempt, mirror } = next();
      const { base } = await mirror.fetch("main", null, limit);
      const clone = join(place, "clone");
      await mirror.cloneTo(clone, "issue-1", "main");
      return { place, attempt, mirror, base, clone };
    },
    async close() {
      await site.github.close();
      folder.remove();
    },
  };
}
