/** A model on loopback that plays a script: what the real Claude Code talks to in the tests. */
import { type JournalEntry, LLMock } from "@copilotkit/aimock";

/** What the model says at one turn of the conversation. */
export type Turn =
  | { readonly text: string }
  | { readonly text?: string; readonly tool: string; readonly input: Readonly<Record<string, unknown>> }
  | { readonly status: number; readonly error: string };

export interface ScriptedModel {
  /** For ANTHROPIC_BASE_URL. */
  readonly url: string;
  /** What claude sent, oldest first; credentials are redacted by the server. */
  requests(): readonly JournalEntry[];
  close(): Promise<void>;
}

const last: Turn = { text: "All finished." };

/**
 * The turn is the number of the model's messages in the conversation so far: so one script serves any number of conversations
 * at once, and a resumed session goes on where it was. After the last turn it says that it has finished.
 *
 * @param script turns, or a function from the prompt to its turns
 */
export async function scriptedModel(
  script: readonly Turn[] | ((prompt: string) => readonly Turn[]),
): Promise<ScriptedModel> {
  const server = new LLMock({ port: 0, host: "127.0.0.1" });
  server.on({ predicate: () => true }, ({ messages }) => {
    const turns = typeof script === "function" ? script(promptOf(messages)) : script;
    return answer(turns[messages.filter((message) => message.role === "assistant").length] ?? last);
  });
  await server.start();
  return {
    url: server.url,
    requests: () => server.getRequests(),
    close: () => server.stop(),
  };
}

type Messages = { readonly role: string; readonly content: unknown }[];

function promptOf(messages: Messages): string {
  return messages
    .filter((message) => message.role === "user")
    .map((message) => (typeof message.content === "string" ? message.content : JSON.stringify(message.content)))
    .join("\n");
}

function answer(turn: Turn) {
  const usage = { input_tokens: 1_200, output_tokens: 80 };
  if ("status" in turn) return { error: { message: turn.error, type: "api_error" }, status: turn.status };
  if (!("tool" in turn)) return { content: turn.text, usage };
  const call = { type: "toolCall" as const, name: turn.tool, arguments: JSON.stringify(turn.input) };
  return { blocks: [...(turn.text === undefined ? [] : [{ type: "text" as const, text: turn.text }]), call], usage };
}
