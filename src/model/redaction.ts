/** Takes secrets out of text before it reaches a disk, a terminal or GitHub. */
import { formsOf, KnownScan, minted } from "./known-secrets.ts";

/**
 * Without a word boundary in front, which an escaped newline of JSON (`\n`) would hide; without quotes and backslashes, so
 * that a line of JSON stays one.
 */
const shapes =
  /gh[pousr]_[A-Za-z0-9_]{36,}|github_pat_[A-Za-z0-9_]{22,}|sk-ant-[A-Za-z0-9_-]{20,}|(?:AKIA|ASIA)[A-Z0-9]{16}|xox[abeoprs]-[A-Za-z0-9-]{10,}|AIza[0-9A-Za-z_-]{35}|npm_[A-Za-z0-9]{36}|glpat-[A-Za-z0-9_-]{20,}/g;
/** With what follows its head: lines of base64, also where their newlines are escaped. */
const privateKey = /-----BEGIN (?:[A-Z]+ ){0,4}PRIVATE KEY-----(?:\\[nr]|[A-Za-z0-9+/=\s:,.-])*/g;
const keyBegins = /-----BEGIN (?:[A-Z]+ ){0,4}PRIVATE KEY-----/;
const keyEnds = /-----END (?:[A-Z]+ ){0,4}PRIVATE KEY-----/;
/** Of a key whose end does not come. */
const longestKey = 200;

const masked = "***";
const inPieces = "(not kept: it has a credential of this fleet in pieces)";

/** What has the shape of a credential. */
export function withoutShapes(text: string): string {
  const most = text.replace(shapes, masked);
  return most.includes("-----BEGIN ") ? most.replace(privateKey, masked) : most;
}

/** Of one stream: it remembers that a private key has begun. */
export class Redactor {
  private values: readonly string[] = [];
  private forms: readonly string[] = [];
  private scan = new KnownScan([]);
  private single = new KnownScan([]);
  private made = -1;
  private lines = 0;
  private keyLines = 0;

  /** @param values that are known to be secret, in whatever form they come */
  constructor(private readonly given: readonly string[]) {
    this.learn();
  }

  private learn(): void {
    if (this.made === minted.size) return;
    this.made = minted.size;
    this.values = [...this.given, ...minted];
    this.forms = formsOf(this.values);
    this.scan = new KnownScan(this.values);
    this.single = new KnownScan(this.values);
  }

  /** A text that stands for itself. */
  text(text: string): string {
    const plain = this.replaced(text);
    return this.single.alone(plain) ? inPieces : plain;
  }

  /** All texts in a value. */
  value<T>(value: T): T {
    if (typeof value === "string") return this.text(value) as T;
    if (Array.isArray(value)) return value.map((inner) => this.value(inner)) as T;
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, this.value(inner)])) as T;
  }

  /** The next line, for what reads it: without what can be replaced. It stays JSON if it was. */
  replaced(text: string): string {
    this.learn();
    let plain = text;
    for (const form of this.forms) if (plain.includes(form)) plain = plain.replaceAll(form, masked);
    return withoutShapes(plain);
  }

  /** The next line, for the disk. @param replaced as `replaced` gave it */
  kept(replaced: string, line: string): string {
    if (this.scan.in(replaced, this.lines++)) return JSON.stringify({ type: "redacted", why: inPieces });
    if (this.keyLines > 0) {
      this.keyLines = keyEnds.test(line) ? 0 : this.keyLines - 1;
      return masked;
    }
    if (keyBegins.test(line) && !keyEnds.test(line)) this.keyLines = longestKey;
    return replaced;
  }
}
