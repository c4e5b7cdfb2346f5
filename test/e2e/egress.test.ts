/** What an agent, a gate and the commands of ours beside them can reach, in whole attempts; and where a person sees it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { begin, events } from "../support/attempt.ts";
import { type TestFleet, testFleet } from "../support/fleet.ts";

if (Bun.which("bwrap") === null) test.skip("bubblewrap is not installed", () => {});
else describe("the network of an attempt", suite);

const run = (script: string) => `[[scenario:run]][[run:${btoa(script)}]]`;
/** Asks the proxy for a target and prints the first line of its answer. */
const ask = (target: string) =>
  `/bin/bash -c 'exec 5<>/dev/tcp/127.0.0.1/3128; printf "CONNECT ${target} HTTP/1.1\\r\\n\\r\\n" >&5; head -1 <&5'`;

function suite(): void {
  let fleet: TestFleet;
  let service: Server;
  let port: number;
  beforeAll(async () => {
    service = createServer((socket) => void socket.on("error", () => {}).end("hello from the service\n"));
    await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
    ({ port } = service.address() as { port: number });
    fleet = await testFleet({ workers: ["01", "02", "03"], isolation: "bubblewrap" });
  });
  afterAll(async () => {
    await fleet?.close();
    await new Promise((resolve) => service.close(resolve));
  });

  test("refusals are told once each, counted, and shown in the pull request and by inspect", async () => {
    const script = `for i in 1 2 3; do ${ask("evil.example:443")}; done; ${ask("pypi.org:443")}; echo x > x.txt; git add -A; git commit -qm x`;
    const issue = await begin(fleet, { worker: "01", body: run(script) });
    const end = await fleet.ended("01");
    expect([end.outcome, end.denied]).toEqual(["delivered", 4]);
    const told = events(fleet, "01").flatMap((event) => (event.type === "egress:denied" ? [event] : []));
    expect(told.map(({ target, reason }) => `${target}: ${reason}`)).toEqual([
      "evil.example:443: not on the list of what agents may reach",
      "pypi.org:443: not on the list of what agents may reach; the preset python has it",
    ]);
    const { stdout } = await fleet.cw(["inspect", "01"]);
    expect(stdout).toContain("connection refused to the agent: evil.example:443");
    const [pull] = fleet.repo.pulls().filter(({ body }) => body?.includes(`#${issue}`));
    expect(pull?.body).toContain("| refused connections | 4 |");
  }, 60_000);

  test("what the configuration names is reached, by the agent and by a gate", async () => {
    const hello = `/bin/bash -c 'exec 5<>/dev/tcp/127.0.0.1/3128; printf "CONNECT 127.0.0.1:${port} HTTP/1.1\\r\\n\\r\\n" >&5; cat <&5' | grep -q "hello from"`;
    fleet.configure({
      egress: { presets: ["node"], allow: [`127.0.0.1:${port}`] },
      repos: { "acme/site": { gates: [hello, "! test -e /run/claude-workers/4010.sock"] } },
    });
    await begin(fleet, { worker: "02", body: run(`${hello} && echo y > y.txt && git add -A && git commit -qm y`) });
    const end = await fleet.ended("02");
    expect([end.outcome, end.reason.includes("/pull/"), end.denied]).toEqual(["delivered", true, 0]);
    const doctor = await fleet.cw(["doctor", "--json"]);
    const check = doctor.json().find(({ name }: { name: string }) => name === "network of agents");
    expect(check).toMatchObject({ state: "ok", detail: `the model, preset node, 127.0.0.1:${port}` });
  }, 60_000);

  test("the git that takes the work out has no network at all", async () => {
    fleet.configure({ egress: { allow: [`127.0.0.1:${port}`] } });
    // A filter of the clone's own runs when what is uncommitted is added.
    const probe = `ls /run/claude-workers > ~/seen 2>&1; cat /proc/net/dev | grep -c : >> ~/seen; cat`;
    const script = `printf '* filter=f\\n' > .gitattributes; git config filter.f.clean "sh -c '${probe.replaceAll('"', '\\"')}'"; echo z > z.txt`;
    await begin(fleet, { worker: "03", body: run(script) });
    expect((await fleet.ended("03")).outcome).toBe("delivered");
    const seen = await Bun.file(`${fleet.root}/03/seen`).text();
    expect(seen).toMatch(/No such file or directory\n1\n$/);
  }, 60_000);

  test.each([
    [".com", "is a public suffix"],
    [".co.uk", "is a public suffix"],
    [".github.io", "is a public suffix"],
    ["*.example.org", "expected a list of hosts"],
    ["https://example.org", "expected a list of hosts"],
    ["127.1", "expected a list of hosts"],
  ])("A46: the configuration refuses %s", async (rule, says) => {
    fleet.configure({ egress: { allow: ["registry.example.org", rule] } });
    const { code, stderr } = await fleet.cw(["status"]);
    expect(code).toBe(9);
    expect(stderr).toContain(says);
    fleet.configure({});
  });
}
