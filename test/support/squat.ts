/** A repository that is renamed, and somebody who takes its name, with whatever of it can be copied. */
import type { RepoControl } from "../../src/standin/control.ts";
import type { Standin } from "../../src/standin/standin.ts";

/**
 * @param name of a repository of acme, which goes on as `<name>-moved`
 * @param label of each issue there
 * @returns the one that has its name now: three issues, and each ref of the other but its main branch
 */
export async function squat(standin: Standin, name: string, label: string): Promise<RepoControl> {
  const real = standin.repo(`acme/${name}`);
  const refs = Object.keys(await real.refs()).filter((ref) => ref !== "refs/heads/main");
  real.rename(`${name}-moved`);
  const other = await standin.addRepo({ name: `acme/${name}`, files: { "README.md": "# Site\n" } });
  for (let at = 0; at < 3; at++) other.openIssue({ title: "Mine", body: "[[scenario:edit]]", labels: [label] });
  const env = {
    PATH: "/usr/bin:/bin",
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "safe.directory",
    GIT_CONFIG_VALUE_0: "*",
  };
  const fetch = ["git", "--git-dir", other.dir, "fetch", "--quiet", real.dir, ...refs.map((ref) => `${ref}:${ref}`)];
  const { exitCode, stderr } = Bun.spawnSync(fetch, { env });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return other;
}
