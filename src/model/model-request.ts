/**
 * What an agent may ask of the model's provider, with a credential that it never sees. Its program needs three requests; the
 * rest of the provider's interface (files, batches, keys, organisations) would be the operator's account in its hands.
 */

/** Where the model is when nobody says otherwise. */
export const defaultEndpoint = "https://api.anthropic.com";

const passed: readonly (readonly [method: string, path: RegExp])[] = [
  ["POST", /^\/v1\/messages(?:\/count_tokens)?$/],
  ["GET", /^\/v1\/models(?:\/[A-Za-z0-9._:@[\]-]+)?$/],
  ["GET", /^\/api\/hello$/],
  ["HEAD", /^\/(?:api\/hello)?$/],
];

/** @param path of the URL, without its query */
export function isPassed(method: string, path: string): boolean {
  return passed.some(([one, pattern]) => one === method && pattern.test(path));
}

/** What says who asks, how, and in which version: no cookie, no other account, workspace or credential. */
const passedHeaders =
  /^(?:accept|accept-encoding|accept-language|authorization|content-type|user-agent|x-api-key|x-app|x-stainless-.*|x-claude-code-.*|anthropic-(?:beta|version|dangerous-direct-browser-access|client-.*))$/;

export function isPassedHeader(name: string): boolean {
  return passedHeaders.test(name.toLowerCase());
}

/** What a message is made of, and how it is to be answered. A field that the provider adds one day may do anything. */
const passedFields = new Set([
  ...["model", "messages", "system", "tools", "tool_choice", "max_tokens", "metadata", "stop_sequences", "stream"],
  ...[
    "temperature",
    "top_k",
    "top_p",
    "thinking",
    "service_tier",
    "cache_control",
    "context_management",
    "output_config",
  ],
]);

/** @returns the request without what is not passed on, and the names of that */
export function passedOn(body: object): { body: object; dropped: string[] } {
  const entries = Object.entries(body);
  return {
    body: Object.fromEntries(entries.filter(([name]) => passedFields.has(name))),
    dropped: entries.map(([name]) => name).filter((name) => !passedFields.has(name)),
  };
}

/** Tools that the agent's own program runs. All others run at the provider, some with a network of their own. */
const ownTools = /^(?:custom|bash_|text_editor_|computer_|memory_|tool_search_tool_)/;
const ownSources = ["base64", "text", "content"];
/** Results of tools hold blocks, and documents do; nothing goes deeper than that. */
const deepest = 8;

/**
 * The provider fetches addresses for those who ask: web tools, servers of tools, images and documents by URL. Through it an agent
 * would reach any host, and take along what it likes.
 * @param body the parsed request. @returns what is refused, or null
 */
export function refusedInRequest(body: unknown): string | null {
  if (!isObject(body)) return "a request that is no object";
  const tools = body["tools"] ?? [];
  if (!Array.isArray(tools)) return "tools that are no list";
  for (const tool of tools) {
    const type = isObject(tool) ? (tool["type"] ?? "custom") : null;
    if (typeof type !== "string" || !ownTools.test(type)) return `a tool that runs at the provider (${String(type)})`;
  }
  for (const name of ["mcp_servers", "container"]) {
    const value = body[name];
    if (value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0)) return name;
  }
  const { messages, system } = body;
  if (!Array.isArray(messages)) return "messages that are no list";
  const contents = [...messages.map((message) => (isObject(message) ? message["content"] : null)), system];
  return firstFound(contents, (content) => fetched(content, 0));
}

/** @param content a text, or a list of blocks. What a tool was called with is the agent's own, and fetched by nobody. */
function fetched(content: unknown, depth: number): string | null {
  if (!Array.isArray(content)) return null;
  if (depth > deepest) return "content that is nested too deeply";
  return firstFound(content, (block) => {
    if (!isObject(block) || block["type"] === "tool_use") return null;
    if (block["type"] === "container_upload") return "a file at the provider";
    const source = block["source"];
    if (isObject(source)) {
      if (!ownSources.includes(String(source["type"]))) return "content that the provider would fetch";
      const inner = fetched(source["content"], depth + 1);
      if (inner !== null) return inner;
    }
    return fetched(block["content"], depth + 1);
  });
}

function firstFound(values: readonly unknown[], look: (value: unknown) => string | null): string | null {
  for (const value of values) {
    const found = look(value);
    if (found !== null) return found;
  }
  return null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
