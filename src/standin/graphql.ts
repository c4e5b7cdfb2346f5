/** GraphQL, so far as the product reads it: who edited an issue when, and the viewer's permission. */
import { association } from "./bodies.ts";
import { parseQuery, QueryError, type Selection, type Values } from "./graphql-query.ts";
import type { Call, Reply } from "./http.ts";
import { fullName, type Issue, levelOf, type Repo, stamp, type User } from "./world.ts";

interface GraphqlError {
  type?: string;
  path?: string[];
  message: string;
  extensions?: Record<string, string>;
}

/** What a field holds; an object is a type with fields of its own. */
type Field = (values: Values, path: string[]) => unknown;
type Type = { name: string; fields: Record<string, Field> };

export function graphql(call: Call): Reply {
  if (!call.viewer) {
    return { status: 401, body: { message: "This endpoint requires you to be authenticated.", status: "401" } };
  }
  const { query, variables } = (call.body ?? {}) as { query?: unknown; variables?: Values };
  if (typeof query !== "string") {
    return {
      status: 200,
      body: { errors: [{ message: "A query attribute must be specified and must be a string." }] },
    };
  }
  const errors: GraphqlError[] = [];
  try {
    const selections = parseQuery(query, variables ?? {});
    checkNames("Query", selections, ["query"], errors);
    if (errors.length > 0) return { status: 200, body: { errors } };
    const data = resolve(root(call, errors), selections, []);
    return { status: 200, body: errors.length > 0 ? { data, errors } : { data } };
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return { status: 200, body: { errors: [{ message: error.message }] } };
  }
}

/** Object fields by name; what is not here is a plain value. */
const objects: Record<string, Record<string, string>> = {
  Query: { viewer: "Actor", repository: "Repository" },
  Repository: { issue: "Issue", owner: "Actor" },
  Issue: { author: "Actor", editor: "Actor", labels: "LabelConnection", repository: "Repository" },
  LabelConnection: { nodes: "Label" },
};

const plain: Record<string, string[]> = {
  Query: [],
  Repository: ["id", "databaseId", "name", "nameWithOwner", "viewerPermission", "isPrivate", "isArchived", "url"],
  Issue:
    "id databaseId number title body state stateReason url createdAt updatedAt closedAt lastEditedAt includesCreatedEdit authorAssociation locked".split(
      " ",
    ),
  Actor: ["login", "url"],
  LabelConnection: ["totalCount"],
  Label: ["name", "color"],
};

/** As GitHub: a query with a field that the type does not have is refused whole, before anything is read. */
function checkNames(type: string, selections: Selection[], path: string[], errors: GraphqlError[]): void {
  for (const { name, alias, on, selections: inner } of selections) {
    if (on !== undefined) {
      checkNames(type, inner, path, errors);
      continue;
    }
    if (name === "__typename") continue;
    const here = [...path, alias];
    const next = objects[type]?.[name];
    if (next !== undefined) {
      if (inner.length > 0) checkNames(next, inner, here, errors);
      else
        errors.push({
          path: here,
          message: `Field must have selections (field '${name}' returns ${next} but has no selections. Did you mean '${name} { ... }'?)`,
        });
    } else if (!plain[type]?.includes(name)) {
      const extensions = { code: "undefinedField", typeName: type, fieldName: name };
      errors.push({ path: here, extensions, message: `Field '${name}' doesn't exist on type '${type}'` });
    }
  }
}

function resolve(type: Type, selections: Selection[], path: string[]): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const { name, alias, values, selections: inner, on } of selections) {
    if (on !== undefined) {
      if (on === type.name || type.name === "User") Object.assign(found, resolve(type, inner, path));
      continue;
    }
    const here = [...path, alias];
    if (name === "__typename") found[alias] = type.name;
    else found[alias] = shape(type.fields[name]?.(values, here) ?? null, inner, here);
  }
  return found;
}

function shape(value: unknown, inner: Selection[], path: string[]): unknown {
  if (Array.isArray(value)) return value.map((entry) => shape(entry, inner, path));
  return isType(value) ? resolve(value, inner, path) : value;
}

function isType(value: unknown): value is Type {
  return typeof value === "object" && value !== null && "fields" in value && "name" in value;
}

function root(call: Call, errors: GraphqlError[]): Type {
  const missing = (path: string[], message: string) => {
    errors.push({ type: "NOT_FOUND", path, message });
    return null;
  };
  return {
    name: "Query",
    fields: {
      viewer: () => call.viewer && actor(call, call.viewer),
      repository: ({ owner, name }, path) => {
        const place = [String(owner), String(name)] as const;
        const repo = call.world.findRepo(...place) ?? call.world.movedRepo(...place);
        if (repo && levelOf(repo, call.viewer) !== "none") return repository(call, repo, missing);
        return missing(path, `Could not resolve to a Repository with the name '${owner}/${name}'.`);
      },
    },
  };
}

function actor(call: Call, user: User): Type {
  return { name: user.type, fields: { login: () => user.login, url: () => `${call.origin}/${user.login}` } };
}

type Missing = (path: string[], message: string) => null;

function repository(call: Call, repo: Repo, missing: Missing): Type {
  const level = levelOf(repo, call.viewer);
  return {
    name: "Repository",
    fields: {
      id: () => `R_${repo.id}`,
      databaseId: () => repo.id,
      name: () => repo.name,
      nameWithOwner: () => fullName(repo),
      owner: () => actor(call, repo.owner),
      url: () => `${call.origin}/${fullName(repo)}`,
      isPrivate: () => repo.private,
      isArchived: () => repo.archived,
      viewerPermission: () => level.toUpperCase(),
      issue: ({ number }, path) => {
        const issue = repo.issues.get(Number(number));
        if (issue && !issue.pull && !issue.gone) return issueType(call, repo, issue, missing);
        return missing(path, `Could not resolve to an Issue with the number of ${number}.`);
      },
    },
  };
}

function issueType(call: Call, repo: Repo, issue: Issue, missing: Missing): Type {
  const time = (date: Date | undefined) => (date ? stamp(date) : null);
  return {
    name: "Issue",
    fields: {
      id: () => `I_${issue.id}`,
      databaseId: () => issue.id,
      number: () => issue.number,
      title: () => issue.title,
      body: () => issue.body ?? "",
      state: () => issue.state.toUpperCase(),
      stateReason: () => issue.stateReason?.toUpperCase() ?? null,
      url: () => `${call.origin}/${fullName(repo)}/issues/${issue.number}`,
      createdAt: () => time(issue.createdAt),
      updatedAt: () => time(issue.updatedAt),
      closedAt: () => time(issue.closedAt),
      lastEditedAt: () => time(issue.lastEditedAt),
      includesCreatedEdit: () => issue.lastEditedAt !== undefined,
      author: () => actor(call, issue.author),
      editor: () => issue.editor && actor(call, issue.editor),
      authorAssociation: () => association(repo, issue.author),
      locked: () => issue.locked,
      repository: () => repository(call, repo, missing),
      labels: () => ({
        name: "LabelConnection",
        fields: {
          totalCount: () => issue.labels.length,
          nodes: () =>
            issue.labels.map(({ name, color }) => ({
              name: "Label",
              fields: { name: () => name, color: () => color },
            })),
        },
      }),
    },
  };
}
