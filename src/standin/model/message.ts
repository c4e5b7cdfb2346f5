/** One message of the model as the events of its stream. */

/** A call of one of the agent's tools. */
interface ToolUse {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** What the model says at one turn; with calls it waits for their results before the next. */
export interface Turn {
  readonly text?: string;
  readonly calls?: readonly ToolUse[];
}

export interface Message {
  readonly model: string;
  readonly turn: Turn;
  /** Input that counts as new, and as read from the provider's cache. */
  readonly tokens: { readonly fresh: number; readonly cached: number };
}

interface StreamEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

export function messageEvents({ model, turn, tokens }: Message): StreamEvent[] {
  const { text, calls = [] } = turn;
  const blocks = [...(text === undefined ? [] : [textBlock(text)]), ...calls.map(toolBlock)];
  const usage = {
    input_tokens: 3,
    cache_creation_input_tokens: tokens.fresh,
    cache_read_input_tokens: tokens.cached,
    output_tokens: 1,
  };
  const message = {
    id: `msg_${id()}`,
    type: "message",
    role: "assistant",
    model,
    content: [],
    stop_reason: null,
    usage,
  };
  const outputTokens = Math.round(JSON.stringify(turn).length / 4) + 8;
  return [
    { type: "message_start", message },
    ...blocks.flatMap(({ begin, delta }, index) => [
      { type: "content_block_start", index, content_block: begin },
      { type: "content_block_delta", index, delta },
      { type: "content_block_stop", index },
    ]),
    {
      type: "message_delta",
      delta: { stop_reason: calls.length > 0 ? "tool_use" : "end_turn", stop_sequence: null },
      usage: { ...usage, output_tokens: outputTokens },
    },
    { type: "message_stop" },
  ];
}

function textBlock(text: string) {
  return { begin: { type: "text", text: "" }, delta: { type: "text_delta", text } };
}

function toolBlock({ tool, input }: ToolUse) {
  return {
    begin: { type: "tool_use", id: `toolu_${id()}`, name: tool, input: {} },
    delta: { type: "input_json_delta", partial_json: JSON.stringify(input) },
  };
}

function id(): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, 24);
}
