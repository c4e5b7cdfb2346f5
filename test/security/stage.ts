/** A fleet of an ordinary user whose agents do what the attacker's script says. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { begin } from "../support/attempt.ts";
import { type TestFleet, testFleet } from "../support/fleet.ts";
import { type OrdinaryUser, ordinaryUser } from "../support/user.ts";

export const long = 240_000;
const precious = "precious of the operator";

export interface Stage {
  readonly fleet: TestFleet;
  readonly user: OrdinaryUser;
  /** The operator's files, which everything planted leads to. */
  readonly outside: string;
  /** What of it is not as it was, in words. */
  harm(): string[];
  /** Runs a script as the ordinary user, outside of any isolation. */
  asUser(script: string): void;
  /** Lets an agent do that, to the end of its attempt. */
  attack(
    worker: string,
    script: string,
    repo?: string,
  ): Promise<Awaited<ReturnType<TestFleet["ended"]>> & { issue: number }>;
}

export async function openStage(workers: string[]): Promise<Stage> {
  const user = ordinaryUser();
  const fleet = await testFleet({ workers, asUser: user, isolation: "auto" });
  const outside = join(fleet.folder, "outside");
  const asUser = (script: string) => {
    const ran = Bun.spawnSync(user.as(["/bin/sh", "-c", script]), { cwd: "/", env: { PATH: "/usr/bin:/bin" } });
    if (ran.exitCode !== 0) throw new Error(`${script}: ${ran.stderr}`);
  };
  asUser(
    `umask 077; mkdir ${outside} ${outside}/folder; printf '${precious}' | tee ${outside}/file > ${outside}/folder/file; chmod 750 ${outside}/folder`,
  );
  return {
    fleet,
    user,
    outside,
    asUser,
    harm() {
      const found = readdirSync(outside, { recursive: true }).map(String).sort();
      const odd = found
        .filter((name) => !["file", "folder", "folder/file"].includes(name))
        .map((name) => `${name} is new`);
      if ((statSync(join(outside, "folder")).mode & 0o777) !== 0o750) odd.push("the rights of folder were changed");
      for (const name of ["file", "folder/file"]) {
        if (!found.includes(name)) odd.push(`${name} is gone`);
        else if (readFileSync(join(outside, name), "utf8") !== precious) odd.push(`${name} was changed`);
      }
      return odd;
    },
    async attack(worker, script, repo) {
      const run = Buffer.from(script).toString("base64");
      const issue = await begin(fleet, { worker, body: `[[scenario:run]] [[run:${run}]]`, ...(repo ? { repo } : {}) });
      return { ...(await fleet.ended(worker)), issue };
    },
  };
}

/** A program that leaves a trace wherever it runs outside of an isolation. @returns its path, and the traces so far */
export function canary(stage: Stage): { program: string; sung(): string[] } {
  const folder = join(stage.fleet.folder, "canary");
  const program = join(folder, "sing");
  mkdirSync(folder, { mode: 0o777 });
  writeFileSync(program, `#!/bin/sh\ntouch ${folder}/sung-$$\ncat\n`, { mode: 0o755 });
  stage.asUser(`test -x ${program}`);
  Bun.spawnSync(["chmod", "777", folder]);
  return { program, sung: () => readdirSync(folder).filter((name) => name !== "sing") };
}
