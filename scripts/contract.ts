/**
 * Makes test/contracts/github.json: of GitHub's OpenAPI description only the operations that the product and the local
 * GitHub use, without prose and examples. The package unpacks to 390 MB, so it is fetched on demand and never installed:
 *
 *   bun scripts/contract.ts
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const source = "@octokit/openapi@23.0.2";
const target = join(import.meta.dir, "../test/contracts/github.json");

/** Below /repos/{owner}/{repo} unless it begins with "~". */
const wanted = `
GET ~/user
GET ~/users/{username}
GET ~/rate_limit
GET ~/app
POST ~/app/installations/{installation_id}/access_tokens
GET /installation
GET
GET POST /issues
GET PATCH /issues/{issue_number}
GET POST /issues/{issue_number}/comments
GET PATCH /issues/comments/{comment_id}
GET POST /issues/{issue_number}/labels
DELETE /issues/{issue_number}/labels/{name}
GET /issues/{issue_number}/events
GET /issues/{issue_number}/timeline
GET POST /labels
GET /labels/{name}
GET /collaborators/{username}/permission
GET /git/ref/{ref}
GET /git/matching-refs/{ref}
POST /git/refs
PATCH DELETE /git/refs/{ref}
POST /git/commits
GET /git/commits/{commit_sha}
GET /commits/{ref}
GET /branches/{branch}
GET /compare/{basehead}
GET POST /pulls
GET PATCH /pulls/{pull_number}
GET /pulls/{pull_number}/files
PUT /pulls/{pull_number}/merge
`;

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Node = { [key: string]: Json };

const prose = new Set(["description", "summary", "example", "examples", "externalDocs", "title", "deprecated"]);

/** Without prose, with `nullable` said as JSON Schema says it, and every reference pointing into `schemas`. */
function slim(value: Json, refs: Set<string>, names = false): Json {
  if (Array.isArray(value)) return value.map((entry) => slim(entry, refs));
  if (value === null || typeof value !== "object") return value;
  const result: Node = {};
  for (const [key, inner] of Object.entries(value)) {
    // Below `properties` a key is the name of a property, not a word of the schema language.
    if (!names && (prose.has(key) || key.startsWith("x-") || key === "nullable" || key === "default")) continue;
    if (!names && key === "$ref") {
      const name = String(inner).replace("#/components/schemas/", "");
      refs.add(name);
      result["$ref"] = `#/schemas/${name}`;
    } else if (!names && key === "oneOf") {
      // GitHub's alternatives overlap: its own answers match several of them.
      result["anyOf"] = slim(inner, refs);
    } else result[key] = slim(inner, refs, !names && key === "properties");
  }
  if (names || value["nullable"] !== true) return result;
  if (typeof result["type"] === "string") {
    if (Array.isArray(result["enum"])) result["enum"] = [...new Set([...result["enum"], null])];
    return { ...result, type: [result["type"], "null"] };
  }
  return { anyOf: [result, { type: "null" }] };
}

function follow(document: Node, value: Json | undefined): Node {
  let node = value as Node;
  while (typeof node["$ref"] === "string") {
    const path = node["$ref"].slice(2).split("/");
    node = path.reduce<Json>((at, key) => (at as Node)[key] as Json, document) as Node;
  }
  return node;
}

function jsonSchema(document: Node, holder: Json | undefined): Json | undefined {
  const content = follow(document, holder)["content"] as Node | undefined;
  return (content?.["application/json"] as Node | undefined)?.["schema"];
}

function prune(document: Node, provenance: Node): Node {
  const refs = new Set<string>();
  const operations: Node[] = [];
  for (const line of wanted.trim().split("\n")) {
    const words = line.split(" ");
    const place = words.find((word) => /[/~]/.test(word)) ?? "";
    const path = place.startsWith("~") ? place.slice(1) : `/repos/{owner}/{repo}${place}`;
    for (const method of words.filter((word) => /^[A-Z]+$/.test(word))) {
      const operation = ((document["paths"] as Node)[path] as Node | undefined)?.[method.toLowerCase()] as
        | Node
        | undefined;
      if (!operation) throw new Error(`${source} does not describe ${method} ${path}`);
      const parameters = ((operation["parameters"] ?? []) as Json[]).map((entry) => {
        const { name, in: where, required, schema, ...rest } = follow(document, entry);
        const multi = rest["x-multi-segment"] === true;
        return { name, in: where, required: required ?? false, multi, schema: slim(schema ?? {}, refs) } as Node;
      });
      const request = operation["requestBody"];
      const body = request === undefined ? undefined : jsonSchema(document, request);
      const responses: Node = {};
      for (const [status, response] of Object.entries(operation["responses"] as Node)) {
        const schema = jsonSchema(document, response);
        responses[status] = schema === undefined ? true : slim(schema, refs);
      }
      const needed = request === undefined ? false : (follow(document, request)["required"] ?? false);
      const shown = body === undefined ? {} : { body: slim(body, refs), bodyRequired: needed };
      operations.push({ method, path, parameters, ...shown, responses });
    }
  }
  const all = (document["components"] as Node)["schemas"] as Node;
  const schemas: Node = {};
  for (const name of refs) schemas[name] = slim(all[name] ?? {}, refs);
  return { provenance, operations, schemas };
}

async function run(command: string[], cwd: string): Promise<string> {
  const child = Bun.spawn(command, { cwd, stdout: "pipe", stderr: "inherit" });
  const out = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed`);
  return out;
}

const folder = mkdtempSync(join(tmpdir(), "cw-openapi-"));
try {
  const packed = JSON.parse(await run(["npm", "pack", source, "--json"], folder)) as [
    { name: string; version: string; integrity: string; filename: string },
  ];
  const [{ name, version, integrity, filename }] = packed;
  const file = "generated/api.github.com.json";
  await run(["tar", "xzf", filename, `package/${file}`], folder);
  const document = (await Bun.file(join(folder, "package", file)).json()) as Node;
  const pruned = prune(document, {
    package: name,
    version,
    integrity,
    file,
    licence: "MIT",
    by: "scripts/contract.ts",
  });
  await Bun.write(target, `${JSON.stringify(pruned, null, 2)}\n`);
  await run(["node_modules/.bin/biome", "format", "--write", target], join(import.meta.dir, ".."));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
