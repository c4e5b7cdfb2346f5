/** The lines of Claude Code's stream-json that matter to us, and of them the fields that do. */
import * as z from "zod/mini";

const text = z.optional(z.nullable(z.string()));
/** What is remembered under an id is bounded, and so has the id to be: one that no program gives is none. */
const id = z.optional(z.catch(z.nullable(z.string().check(z.maxLength(200))), null));
/** More than any session can have is no figure: one forged line would spoil the sums of a whole history. */
const count = z.optional(z.catch(z.number().check(z.minimum(0), z.maximum(1e12)), 0));
const dollars = z.catch(z.number().check(z.minimum(0), z.maximum(1e6)), 0);

const init = z.object({
  type: z.literal("system"),
  subtype: z.literal("init"),
  model: text,
  claude_code_version: text,
  session_id: text,
  permissionMode: text,
  mcp_servers: z.optional(z.array(z.object({ name: z.string(), status: z.string() }))),
});

const retry = z.object({
  type: z.literal("system"),
  subtype: z.literal("api_retry"),
  attempt: z.optional(z.number()),
  error: text,
  error_status: z.optional(z.nullable(z.number())),
});

const block = z.object({
  type: z.string(),
  text: z.optional(z.string()),
  id,
  name: z.optional(z.string()),
  input: z.optional(z.catch(z.record(z.string(), z.unknown()), {})),
});

const assistant = z.object({
  type: z.literal("assistant"),
  parent_tool_use_id: text,
  message: z.object({
    id,
    model: text,
    content: z.array(block),
    usage: z.optional(
      z.nullable(
        z.object({
          input_tokens: count,
          output_tokens: count,
          cache_read_input_tokens: count,
          cache_creation_input_tokens: count,
        }),
      ),
    ),
  }),
});

const user = z.object({
  type: z.literal("user"),
  /** What the tool answered, in its own form; only that of the to-do tools is looked at. */
  tool_use_result: z.optional(
    z.catch(
      z.object({
        task: z.optional(z.object({ id: z.string(), subject: z.string() })),
        taskId: z.optional(z.string()),
        statusChange: z.optional(z.object({ to: z.string() })),
      }),
      {},
    ),
  ),
  message: z.object({
    content: z.union([
      z.string(),
      z.array(
        z.object({
          type: z.string(),
          tool_use_id: id,
          is_error: z.optional(z.nullable(z.boolean())),
          content: z.optional(z.unknown()),
        }),
      ),
    ]),
  }),
});

const modelUsage = z.object({
  inputTokens: count,
  outputTokens: count,
  cacheReadInputTokens: count,
  cacheCreationInputTokens: count,
  costUSD: z.optional(dollars),
});

const result = z.object({
  type: z.literal("result"),
  subtype: text,
  is_error: z.optional(z.nullable(z.boolean())),
  result: text,
  errors: z.optional(z.array(z.string())),
  terminal_reason: text,
  api_error: text,
  api_error_status: z.optional(z.nullable(z.number())),
  total_cost_usd: z.optional(dollars),
  modelUsage: z.optional(z.record(z.string(), modelUsage)),
  model_usage_since_last_result: z.optional(z.record(z.string(), modelUsage)),
});

const rateLimit = z.object({
  type: z.literal("rate_limit_event"),
  rate_limit_info: z.object({
    status: z.string(),
    resetsAt: z.optional(z.number()),
    /** Beyond the limit, and paid for. */
    isUsingOverage: z.optional(z.nullable(z.boolean())),
  }),
});

const kinds = { assistant, user, result, rate_limit_event: rateLimit } as const;

export type Init = z.infer<typeof init>;
export type Assistant = z.infer<typeof assistant>;
export type User = z.infer<typeof user>;
export type Result = z.infer<typeof result>;
export type ModelUsage = z.infer<typeof modelUsage>;
export type RateLimit = z.infer<typeof rateLimit>;
type Retry = z.infer<typeof retry>;
/** A line of a kind that means nothing to us, but shows that the program lives. */
interface Other {
  readonly type: "other";
}
const other: Other = { type: "other" };
export type Line = Init | Retry | Assistant | User | Result | RateLimit | Other;

/** Null for what is no line of the stream: half a line, or junk. A known kind in a strange shape is `other`. */
export function parseLine(line: string): Line | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || !("type" in value) || typeof value.type !== "string") return null;
  if (value.type === "system") {
    const subtype = "subtype" in value ? value.subtype : undefined;
    if (subtype === "init") return init.safeParse(value).data ?? other;
    if (subtype === "api_retry") return retry.safeParse(value).data ?? other;
    return other;
  }
  if (!Object.hasOwn(kinds, value.type)) return other;
  return kinds[value.type as keyof typeof kinds].safeParse(value).data ?? other;
}
