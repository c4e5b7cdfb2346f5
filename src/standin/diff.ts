/** What changed between two commits, as GitHub's file lists show it; counted by git itself. */
import { emptyTree } from "./git.ts";
import type { RepoCall } from "./http.ts";

export interface FileChange {
  sha: string;
  filename: string;
  status: "added" | "removed" | "modified" | "renamed" | "changed";
  additions: number;
  deletions: number;
  changes: number;
  blob_url: string;
  raw_url: string;
  contents_url: string;
  patch?: string;
  previous_filename?: string;
}

const kinds: Record<string, FileChange["status"]> = { A: "added", D: "removed", M: "modified", R: "renamed" };

/** @param from a commit, or undefined for a root commit: then everything is new. */
export async function diffFiles(call: RepoCall, from: string | undefined, to: string): Promise<FileChange[]> {
  const { git, repo, origin } = call;
  const range = [from ?? emptyTree, to, "--"];
  const flags = ["diff-tree", "-r", "-M", "--no-color", "--no-ext-diff", "--no-textconv", "--full-index"];
  const [raw, counts, patches] = await Promise.all([
    git.must(repo.dir, [...flags, "--raw", "-z", ...range]),
    git.must(repo.dir, [...flags, "--numstat", "-z", ...range]),
    git.must(repo.dir, [...flags, "-p", ...range]),
  ]);
  const lines = countsByPath(counts);
  const texts = patches.split(/^diff --git .*\n/m).slice(1);
  const name = `${repo.owner.login}/${repo.name}`;
  const words = raw.split("\0");
  const files: FileChange[] = [];
  for (let at = 0; at + 1 < words.length; ) {
    const [, , before = "", after = "", letter = "M"] = (words[at++] ?? "").split(" ");
    const status = kinds[letter[0] ?? "M"] ?? "changed";
    const previous = status === "renamed" ? words[at++] : undefined;
    const filename = words[at++] ?? "";
    const { additions, deletions } = lines.get(filename) ?? { additions: 0, deletions: 0 };
    const text = texts[files.length] ?? "";
    const hunk = text.search(/^@@ /m);
    const path = filename.split("/").map(encodeURIComponent).join("/");
    files.push({
      sha: status === "removed" ? before : after,
      filename,
      status,
      additions,
      deletions,
      changes: additions + deletions,
      blob_url: `${origin}/${name}/blob/${to}/${path}`,
      raw_url: `${origin}/${name}/raw/${to}/${path}`,
      contents_url: `${origin}/repos/${name}/contents/${path}?ref=${to}`,
      ...(hunk >= 0 ? { patch: text.slice(hunk).replace(/\n$/, "") } : {}),
      ...(previous === undefined ? {} : { previous_filename: previous }),
    });
  }
  return files;
}

/** numstat -z: "added TAB deleted TAB path NUL"; for a rename the path is empty and "old NUL new NUL" follows. */
function countsByPath(text: string): Map<string, { additions: number; deletions: number }> {
  const found = new Map<string, { additions: number; deletions: number }>();
  const words = text.split("\0");
  for (let at = 0; at < words.length; ) {
    const [added = "", deleted = "", path = ""] = (words[at++] ?? "").split("\t");
    if (added === "") continue;
    const name = path === "" ? (words[++at] ?? "") : path;
    if (path === "") at++;
    found.set(name, { additions: Number(added) || 0, deletions: Number(deleted) || 0 });
  }
  return found;
}
