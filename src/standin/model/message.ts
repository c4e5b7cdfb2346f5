/** One message of the model as the events of its stream. */

/** What the model says at one turn; with a tool it waits for the result before the next. */
export type Turn =
  | { readonly text: string }
  | { readonly text?: string; readonly tool: string; readonly input: Readonly<Record<string, unknown>> };

export interface Message {
  readonly model: string;
  readonly turn: Turn;
  /** Input that is counted as new, and as read from the provider's cache. */
  readonly tokens: { readonly fresh: number; readonly cached: number };
}

interface StreamEvent {
  readonly type: string;
}

export function messageEvents({ model, turn, tokens }: Message): StreamEvent[] {
  const blocks = [
    ...(turn.text === undefined ? [] : [textBlock(turn.text)]),
    ...("tool" in turn ? [toolBlock(turn.tool, turn.input)] : []),
  ];
  const usage = {
    input_tokens: 3,
    cache_creation_input_tokens: tokens.fresh,
    cache_read_input_tokens: tokens.cached,
    output_tokens: 1,
  };
  const output = Math.round(JSON.stringify(turn).length / 4) + 8;
  return [
    start({
      type: "message_start",
      message: {
        id: `msg_${id()}`,
        type: "message",
        role: "assistant",
        model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage,
      },
    }),
    ...blocks.flatMap(({ begin, delta }, index) => [
      start({ type: "content_block_start", index, content_block: begin }),
      start({ type: "content_block_delta", index, delta }),
      start({ type: "content_block_stop", index }),
    ]),
    start({
      type: "message_delta",
      delta: { stop_reason: "tool" in turn ? "tool_use" : "end_turn", stop_sequence: null },
      usage: { ...usage, output_tokens: output },
    }),
    start({ type: "message_stop" }),
  ];
}

/** Events differ in all but their type. */
function start<T extends StreamEvent>(event: T): StreamEvent {
  return event;
}

function textBlock(text: string) {
  return { begin: { type: "text", text: "" }, delta: { type: "text_delta", text } };
}

function toolBlock(name: string, input: Readonly<Record<string, unknown>>) {
  return {
    begin: { type: "tool_use", id: `toolu_${id()}`, name, input: {} },
    delta: { type: "input_json_delta", partial_json: JSON.stringify(input) },
  };
}

function id(): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, 24);
}
