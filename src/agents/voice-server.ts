/**
 * The agent's voice: an MCP server with five words, bound to the one task that its process belongs to. It remembers nothing
 * and writes nothing: what counts is read from the agent's own stream (docs/adr/0004-agents-voice.md). Runs inside the isolation.
 */
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import * as z from "zod";

const server = new McpServer({ name: "worker", version: "1" });

const said = (text: string) => ({ content: [{ type: "text" as const, text }] });
const words = (longest: number) => z.string().trim().min(1).max(longest);

server.registerTool(
  "start",
  { description: "Say that you have read your task and begin. Call it once, first.", inputSchema: {} },
  () => said("Noted. Report progress now and then; end with complete, answer or fail."),
);
server.registerTool(
  "report_progress",
  {
    description: "Say in one sentence what you have done or found, at most every few minutes.",
    inputSchema: { message: words(1_000) },
  },
  () => said("Noted."),
);
server.registerTool(
  "complete",
  {
    description:
      "Say that the change is made, tested and committed on your branch. The fleet then publishes the branch.",
    inputSchema: { summary: words(10_000).describe("What was changed and how it was tested, for the pull request") },
  },
  () => said("Noted. Stop here: the fleet looks at your commits and publishes them."),
);
server.registerTool(
  "answer",
  {
    description: "Give your answer where the task asks for one and nothing in the repository has to change.",
    inputSchema: { text: words(50_000).describe("The whole answer, in Markdown") },
  },
  () => said("Noted. Stop here: the fleet passes your answer on."),
);
server.registerTool(
  "fail",
  {
    description: "Say that you can't do this task, and why. Better than half a change.",
    inputSchema: { reason: words(10_000).describe("What is missing or in the way, for a person who can mend it") },
  },
  () => said("Noted. Stop here: a person will look at your reason."),
);

if (Bun.argv.includes("--proposals")) {
  server.registerTool(
    "propose_issue",
    {
      description:
        "Propose a new issue of this repository: one finding each, with what was seen, where, and what would be better. Look for an open one first.",
      inputSchema: { title: words(200).describe("One line"), body: words(20_000).describe("In Markdown") },
    },
    () => said("Noted. The fleet files it, unless there is one like it or there are too many."),
  );
}

await server.connect(new StdioServerTransport());
