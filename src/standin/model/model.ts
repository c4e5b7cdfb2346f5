/** A model on loopback that plays a script over the Messages API: enough for Claude Code, and it costs nothing. */
import { setTimeout as delay } from "node:timers/promises";
import { type Message, messageEvents, type Turn } from "./message.ts";

export type { Turn } from "./message.ts";

export interface ScriptedModelOptions {
  /** The turns for a conversation. @param prompt all that its user said, tool results included */
  readonly script: (prompt: string) => readonly Turn[];
  /** Time before each answer, in ms: a model thinks, and people want to see it. Default 0. */
  readonly pauseMs?: number;
}

export interface ScriptedModel {
  /** For ANTHROPIC_BASE_URL. */
  readonly url: string;
  close(): Promise<void>;
}

interface Asked {
  readonly model?: unknown;
  readonly messages?: readonly { readonly role?: unknown; readonly content?: unknown }[];
}

const afterLast: Turn = { text: "All is said." };

/** Turns are counted by the model's own messages in what is sent, so one server serves any number of conversations. */
export function startModel(options: ScriptedModelOptions): ScriptedModel {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    // The tools of an agent may take their time between two requests on one connection.
    idleTimeout: 0,
    async fetch(request) {
      if (request.method !== "POST" || new URL(request.url).pathname !== "/v1/messages")
        return failure(404, "not_found_error");
      const text = await request.text();
      const asked = parse(text);
      if (asked === null) return failure(400, "invalid_request_error");
      await delay(options.pauseMs ?? 0, undefined, { signal: request.signal }).catch(() => {});
      return new Response(streamOf(messageEvents(answer(asked, text.length, options.script))), {
        headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" },
      });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    close: () => server.stop(true),
  };
}

function answer(asked: Asked, size: number, script: ScriptedModelOptions["script"]): Message {
  const messages = asked.messages ?? [];
  const said = messages.filter(({ role }) => role === "assistant").length;
  const prompt = messages.flatMap(({ role, content }) => (role === "user" ? textsOf(content) : [])).join("\n");
  const fresh = JSON.stringify(messages.slice(messages.findLastIndex(({ role }) => role === "assistant") + 1)).length;
  return {
    model: typeof asked.model === "string" ? asked.model : "scripted",
    turn: script(prompt)[said] ?? afterLast,
    // What a provider would count: four characters a token, all that was sent before read from its cache.
    tokens: { fresh: tokens(said === 0 ? size : fresh), cached: said === 0 ? 0 : tokens(size - fresh) },
  };
}

function tokens(characters: number): number {
  return Math.max(1, Math.round(characters / 4));
}

function textsOf(content: unknown): string[] {
  if (typeof content === "string") return [content];
  if (!Array.isArray(content)) return [];
  return content.flatMap((block: { text?: unknown; content?: unknown } | null) =>
    typeof block?.text === "string" ? [block.text] : textsOf(block?.content),
  );
}

function parse(text: string): Asked | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "messages" in value && Array.isArray(value.messages)
      ? (value as Asked)
      : null;
  } catch {
    return null;
  }
}

function streamOf(events: readonly { readonly type: string }[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      for (const event of events) {
        controller.enqueue(encoder.encode(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`));
      }
      controller.close();
    },
  });
}

function failure(status: number, type: string): Response {
  return Response.json(
    { type: "error", error: { type, message: "the scripted model knows only its script" } },
    { status },
  );
}
