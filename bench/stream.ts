/** Lines as Claude Code prints them, some 1.6 kB on average. */

/** One turn: what the agent says and does, and what came of it. */
export function streamLines(turn: number): string {
  const id = `msg_${String(turn).padStart(12, "0")}`;
  const tool = `toolu_${String(turn).padStart(12, "0")}`;
  const usage = {
    input_tokens: 1200,
    cache_creation_input_tokens: 200,
    cache_read_input_tokens: 3000,
    output_tokens: 80,
    service_tier: "standard",
  };
  const of = { parent_tool_use_id: null, session_id: "6de1ca4b-da12-4aac-8b93-ca1f54d1d66b" };
  const input = { command: `npm test -- --filter site-${turn}`, description: "Run the tests of the site" };
  const say = (content: object) => ({
    type: "assistant",
    message: { id, type: "message", role: "assistant", model: "claude-sonnet-5-5", content: [content], usage },
    ...of,
  });
  const answer = { tool_use_id: tool, type: "tool_result", content: `  ok ${turn} the header is drawn\n`.repeat(80) };
  return [
    say({ type: "text", text: `The header is still wrong in ${turn} places; I look at the tests. `.repeat(6) }),
    say({ type: "tool_use", id: tool, name: "Bash", input }),
    { type: "user", message: { role: "user", content: [answer] }, ...of },
  ]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("");
}
