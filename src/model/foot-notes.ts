/** Footnotes of GitHub, which Bun's Markdown does not know: shown where something refers to them, under a number. */

/** Characters that no text has (Unicode: noncharacters) stand for a label while the rest is read. */
const [begin, end] = ["\ufdd1", "\ufdd2"];
const reserved = /[\ufdd0-\ufdef]/g;
const mark = new RegExp(`${begin}(\\d+)${end}`, "g");
const definition = new RegExp(`^${begin}(\\d+)${end}:`);

/** A paragraph, or any other piece that a footnote may be. */
export interface Noted {
  readonly text: string;
  /** Of the footnote that it belongs to. */
  readonly note: string | null;
}

/** Of one text. */
export class FootNotes {
  private readonly labels: string[] = [];

  /** With each label as a mark, so that no label is taken for a link, and none of its characters for markup. */
  marked(source: string): string {
    return source
      .replace(/&#(?:x([0-9a-f]{1,8})|(\d{1,9}));?/gi, (whole, hex?: string, decimal?: string) => {
        const point = hex ? Number.parseInt(hex, 16) : Number(decimal);
        return point >= 0xfdd0 && point <= 0xfdef ? "" : whole;
      })
      .replace(reserved, "")
      .replace(/(?<![!\\])\[\^([^\]\s[]{1,1000})\](?![([])/g, (_, label: string) => {
        this.labels.push(label);
        return `${begin}${this.labels.length - 1}${end}`;
      });
  }

  /** As it was written: in code it is no footnote. */
  literal(text: string): string {
    return text.replace(mark, (_, id: string) => `[^${this.labels[Number(id)] ?? ""}]`);
  }

  /** The footnote that a line begins. */
  begunBy(line: string): string | null {
    const id = definition.exec(line)?.[1];
    return id === undefined ? null : this.key(id);
  }

  /** Those that readers see, with numbers in the place of labels, which readers don't see. */
  shown<T extends Noted>(pieces: readonly T[]): T[] {
    const defined = new Map<string, T[]>();
    for (const piece of pieces)
      if (piece.note !== null) defined.set(piece.note, [...(defined.get(piece.note) ?? []), piece]);
    const numbers = new Map<string, number>();
    const reach = (text: string) => {
      for (const [, id = ""] of text.matchAll(mark)) {
        const key = this.key(id);
        if (defined.has(key) && !numbers.has(key)) numbers.set(key, numbers.size + 1);
      }
    };
    for (const piece of pieces) if (piece.note === null) reach(piece.text);
    // Grows while it is walked: what is referred to in a footnote that is shown is shown.
    for (const key of numbers.keys()) for (const piece of defined.get(key) ?? []) reach(piece.text);
    const numbered = (text: string) =>
      text.replace(mark, (whole, id: string) => {
        const number = numbers.get(this.key(id));
        return number === undefined ? this.literal(whole) : `[^${number}]`;
      });
    return pieces
      .filter(({ note }) => note === null || numbers.has(note))
      .map((piece) => ({ ...piece, text: numbered(piece.text) }));
  }

  private key(id: string): string {
    return (this.labels[Number(id)] ?? "").toLowerCase();
  }
}
