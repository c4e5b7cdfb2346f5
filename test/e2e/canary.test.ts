/** A bubblewrap that does not do what it is told: no agent starts behind it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { held } from "../support/attack.ts";
import { begin, events } from "../support/attempt.ts";
import { type TestFleet, testFleet } from "../support/fleet.ts";

if (Bun.which("bwrap") === null) test.skip("bubblewrap is not installed", () => {});
else describe("an isolation that does not hold", suite);

/** Perl that changes the arguments @a on the way to the true program, and what is then said of it. */
const broken: readonly (readonly [name: string, change: string, says: string])[] = [
  ["the network is shared", '@a = grep { $_ ne "--unshare-net" } @a;', "the loopback of the machine can be reached"],
  [
    "the policy can be changed",
    'for my $i (1..$#a) { $a[$i-1] = "--bind" if $a[$i] =~ m{/policy$} && $a[$i-1] eq "--ro-bind" }',
    "policy/ can be changed",
  ],
  [
    "settings can be changed",
    'for my $i (1..$#a) { $a[$i-1] = "--bind-try" if $a[$i] =~ m{/.claude/settings.json$} && $a[$i-1] eq "--ro-bind-try" }',
    "settings.json can be changed",
  ],
  [
    "the operator's home is there",
    'my ($i) = grep { $a[$_] eq "--remount-ro" && $a[$_+1] eq "/" } 0..$#a; splice(@a, $i, 0, "--ro-bind", $ENV{OPERATOR}, $ENV{OPERATOR});',
    "operator/.config is there",
  ],
  [
    "the system can be changed",
    'my ($i) = grep { $a[$_] eq "--remount-ro" && $a[$_+1] eq "/" } 0..$#a; splice(@a, $i, 2);',
    "/ can be changed",
  ],
  [
    "a socket of a service is there",
    'my ($i) = grep { $a[$_] eq "--remount-ro" && $a[$_+1] eq "/" } 0..$#a; splice(@a, $i, 0, "--ro-bind", $ENV{SOCKET}, $ENV{SOCKET});',
    "service.sock can be reached",
  ],
  ["the canary says nothing", "s{/canary\\.ts$}{/none.ts} for @a;", "ended with 0 and told nothing that can be read"],
  [
    "the canary says something else",
    'for my $i (1..$#a) { @a[$i, $i+1] = ("-e", "console.log(`all is fine`)") if $a[$i] =~ m{/canary\\.ts$} }',
    "ended with 0 and told nothing that can be read",
  ],
  [
    "all processes are visible",
    'my ($i) = grep { $a[$_] eq "--proc" } 0..$#a; splice(@a, $i, 2, "--ro-bind", "/proc", "/proc");',
    "processes are visible",
  ],
];

/** Where this machine is not behind a filter itself. */
const filters: typeof broken = [
  [
    "system calls are not filtered",
    'my ($i) = grep { $a[$_] eq "--seccomp" } 0..$#a; splice(@a, $i, 2);',
    "it may make any system call; the keyrings of the kernel can be reached",
  ],
  [
    "another filter than ours", // One that allows all.
    'my ($i) = grep { $a[$_] eq "--seccomp" } 0..$#a; my $f = pack("SCCL", 6, 0, 0, 0x7fff0000); open(my $o, "+<&=4"); pipe(my $r, my $w); syswrite($w, $f); close($w); require POSIX; POSIX::dup2(fileno($r), 4);',
    "the keyrings of the kernel can be reached",
  ],
];
const tries = [...broken, ...(/^Seccomp:\s*0$/m.test(readFileSync("/proc/self/status", "utf8")) ? filters : [])];

function suite(): void {
  let fleet: TestFleet;
  let service: { stop(closeAll: boolean): void } | undefined;
  const idOf = (at: number) => `w${at}`;
  beforeAll(async () => {
    fleet = await testFleet({ workers: tries.map((_, at) => idOf(at)), isolation: "bubblewrap" });
    service = Bun.listen({ unix: join(fleet.folder, "service.sock"), socket: { data() {} } });
  });
  afterAll(async () => {
    service?.stop(true);
    await fleet?.close();
  });

  test("S32: whatever a bubblewrap leaves out is found before the agent starts", async () => {
    const escaped: string[] = [];
    for (const [at, [name, change, says]] of tries.entries()) {
      const folder = join(fleet.folder, idOf(at));
      mkdirSync(folder);
      const script = `#!/usr/bin/perl\nmy @a = @ARGV;\n$ENV{OPERATOR} = "${fleet.operator}";\n$ENV{SOCKET} = "${fleet.folder}/service.sock";\n${change}\ndelete @ENV{"OPERATOR", "SOCKET"};\nexec "/usr/bin/bwrap", @a;\n`;
      writeFileSync(join(folder, "bwrap"), script);
      chmodSync(join(folder, "bwrap"), 0o755);
      const PATH = `${folder}:${fleet.env["PATH"]}`;
      await begin(fleet, { worker: idOf(at), body: "[[scenario:edit]]", env: { PATH } });
      const end = await fleet.ended(idOf(at));
      const started = events(fleet, idOf(at)).some(({ type }) => type === "agent:started");
      if (end.outcome !== "refused" || started || !end.reason.includes(says))
        escaped.push(`${name}: ${end.outcome}, ${end.reason}`);
    }
    held("S32", tries.length, escaped);
  }, 120_000);

  test("and a whole one is not in the way", async () => {
    await begin(fleet, { worker: idOf(0), body: "[[scenario:edit]]" });
    expect((await fleet.ended(idOf(0), 2)).outcome).toBe("delivered");
  }, 60_000);
}
