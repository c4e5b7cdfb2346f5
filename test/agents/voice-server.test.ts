import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { mcpConfig } from "../../src/agents/claude-policy.ts";

const packageRoot = resolve(import.meta.dir, "../..");
const client = new Client({ name: "test", version: "1" });
let folder: string;

/** Started as claude starts it, in a clone that would like to run something in it. */
beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "cw-voice-")));
  writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./planted.ts"]\n');
  writeFileSync(
    join(folder, "planted.ts"),
    `require("node:fs").writeFileSync(${JSON.stringify(join(folder, "ran"))}, "");`,
  );
  const file = join(packageRoot, "src/agents/voice-server.ts");
  const config = mcpConfig({ bun: process.execPath, packageRoot, file }, false) as {
    mcpServers: { worker: { command: string; args: string[]; env: Record<string, string> } };
  };
  const { command, args, env } = config.mcpServers.worker;
  await client.connect(new StdioClientTransport({ command, args, env, cwd: folder, stderr: "inherit" }));
});
afterAll(async () => {
  await client.close();
  rmSync(folder, { recursive: true, force: true });
});

async function call(name: string, input: Record<string, unknown>) {
  const reply = await client.callTool({ name, arguments: input });
  return {
    error: reply.isError === true,
    text: (reply.content as { text: string }[]).map((part) => part.text).join(""),
  };
}

test("offers five words, none with a task id", async () => {
  const { tools } = await client.listTools();
  expect(Object.fromEntries(tools.map((tool) => [tool.name, Object.keys(tool.inputSchema.properties ?? {})]))).toEqual({
    start: [],
    report_progress: ["message"],
    complete: ["summary"],
    answer: ["text"],
    fail: ["reason"],
  });
  for (const tool of tools) expect(tool.description).toMatch(/\.$/);
});

test.each([
  ["start", {}],
  ["report_progress", { message: "Found the place" }],
  ["complete", { summary: "Fixed it" }],
  ["answer", { text: "x".repeat(50_000) }],
  ["fail", { reason: "No access" }],
] as [string, Record<string, unknown>][])("accepts %s with a short sentence", async (name, input) => {
  expect(await call(name, input)).toEqual({ error: false, text: expect.stringMatching(/^Noted\./) });
});

test.each([
  ["report_progress", {}],
  ["report_progress", { message: "x".repeat(1_001) }],
  ["complete", { summary: "" }],
  ["complete", { summary: " \n " }],
  ["answer", { text: "x".repeat(50_001) }],
  ["answer", { text: 42 }],
  ["fail", {}],
] as [string, Record<string, unknown>][])("refuses %s with a bad argument", async (name, input) => {
  expect((await call(name, input)).error).toBe(true);
});

test("A18: the clone's bunfig.toml was not read", async () => {
  expect(await Bun.file(join(folder, "ran")).exists()).toBe(false);
});
