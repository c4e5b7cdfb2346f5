/** The part of GraphQL's grammar that a read needs: fields, aliases, arguments, variables, inline fragments. */

export type Values = Record<string, unknown>;

export interface Selection {
  name: string;
  alias: string;
  values: Values;
  selections: Selection[];
  /** The type of an inline fragment; then the name is empty. */
  on: string | undefined;
}

export class QueryError extends Error {}

const token = /\s+|,|#[^\n]*|(\.\.\.|[{}()[\]:!=@]|\$\w+|"(?:[^"\\\n]|\\.)*"|-?\d+(?:\.\d+)?|\w+)/y;

function tokens(text: string): string[] {
  const found: string[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (!match) throw new QueryError(`Parse error on ${JSON.stringify(text[at])} at position ${at}`);
    if (match[1] !== undefined) found.push(match[1]);
  }
  return found;
}

/** The selections of the only operation. Throws {@link QueryError}. */
export function parseQuery(text: string, variables: Values): Selection[] {
  const words = tokens(text);
  let at = 0;
  const next = () => words[at++] ?? "";
  const expect = (word: string) => {
    const got = next();
    if (got !== word) throw new QueryError(`Expected ${word}, actual: ${got === "" ? "end of the query" : got}`);
  };

  const value = (): unknown => {
    const word = next();
    if (word.startsWith("$")) return variables[word.slice(1)] ?? null;
    if (word.startsWith('"')) return JSON.parse(word);
    if (/^-?\d/.test(word)) return Number(word);
    if (word === "true" || word === "false") return word === "true";
    if (word === "null") return null;
    if (word === "[") {
      const list: unknown[] = [];
      while (words[at] !== "]") list.push(value());
      at++;
      return list;
    }
    if (/^\w+$/.test(word)) return word;
    throw new QueryError(`Unexpected ${word === "" ? "end of the query" : word}`);
  };

  const selections = (): Selection[] => {
    const list: Selection[] = [];
    expect("{");
    while (words[at] !== "}") {
      if (words[at] === "...") {
        at++;
        expect("on");
        list.push({ name: "", alias: "", values: {}, on: next(), selections: selections() });
        continue;
      }
      const first = next();
      if (!/^[A-Za-z_]\w*$/.test(first))
        throw new QueryError(`Unexpected ${first === "" ? "end of the query" : first}`);
      let name = first;
      if (words[at] === ":") {
        at++;
        name = next();
      }
      const values: Values = {};
      if (words[at] === "(") {
        at++;
        while (words[at] !== ")") {
          const key = next();
          expect(":");
          values[key] = value();
        }
        at++;
      }
      list.push({ name, alias: first, values, on: undefined, selections: words[at] === "{" ? selections() : [] });
    }
    at++;
    return list;
  };

  if (words[0] === "mutation" || words[0] === "subscription") {
    throw new QueryError(`The local GitHub knows no ${words[0]}s`);
  }
  // The head, "query Name($a: T!)", says nothing that a read needs.
  if (words[0] === "query") while (at < words.length && words[at] !== "{") at++;
  const found = selections();
  if (at < words.length) throw new QueryError(`Unexpected ${words[at]}`);
  return found;
}
