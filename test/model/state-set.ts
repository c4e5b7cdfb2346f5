/** States of a search, numbered as they are found: one flat table, since millions of objects would cost minutes. */

export class StateSet {
  size = 0;
  private words = 0;
  private data = new Uint32Array(0);
  private parents = new Int32Array(1 << 12);
  /** Number of a state plus one; 0 is a free place. */
  private table = new Int32Array(1 << 14);

  /** @param state of one and the same length always, a multiple of four bytes @param parent where it was come from */
  add(state: Uint8Array, parent: number): void {
    const words = wordsOf(state);
    this.words = words.length;
    const place = this.place(words);
    if (this.table[place] !== 0) return;
    const index = this.size++;
    if ((index + 1) * this.words > this.data.length)
      this.data = grown(this.data, Math.max(1 << 16, this.data.length * 2));
    if (index >= this.parents.length) this.parents = grown(this.parents, this.parents.length * 2);
    this.data.set(words, index * this.words);
    this.parents[index] = parent;
    this.table[place] = index + 1;
    if (this.size * 2 > this.table.length) this.rehash();
  }

  /** Number of a state; -1 for one that is not here. */
  find(state: Uint8Array): number {
    return (this.table[this.place(wordsOf(state))] ?? 0) - 1;
  }

  load(index: number, into: Uint8Array): void {
    const words = wordsOf(into);
    for (let i = 0; i < this.words; i++) words[i] = this.data[index * this.words + i] ?? 0;
  }

  before(index: number): number {
    return this.parents[index] ?? -1;
  }

  /** Where it is, or the free place where it belongs. */
  private place(words: Uint32Array): number {
    const mask = this.table.length - 1;
    for (let place = hash(words, 0, words.length) & mask; ; place = (place + 1) & mask) {
      const index = (this.table[place] ?? 0) - 1;
      if (index < 0) return place;
      let same = true;
      for (let i = 0; same && i < words.length; i++) same = this.data[index * this.words + i] === words[i];
      if (same) return place;
    }
  }

  private rehash(): void {
    this.table = new Int32Array(this.table.length * 2);
    const mask = this.table.length - 1;
    for (let index = 0; index < this.size; index++) {
      let place = hash(this.data, index * this.words, this.words) & mask;
      while (this.table[place] !== 0) place = (place + 1) & mask;
      this.table[place] = index + 1;
    }
  }
}

function hash(words: Uint32Array, from: number, count: number): number {
  let value = 0x811c9dc5;
  for (let i = from; i < from + count; i++) {
    value = Math.imul(value ^ (words[i] ?? 0), 0x01000193);
    value ^= value >>> 15;
  }
  value = Math.imul(value, 0x85ebca6b);
  return value ^ (value >>> 13);
}

const views = new WeakMap<Uint8Array, Uint32Array>();
function wordsOf(bytes: Uint8Array): Uint32Array {
  let words = views.get(bytes);
  if (words === undefined) {
    words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    views.set(bytes, words);
  }
  return words;
}

function grown<T extends Uint32Array | Int32Array>(array: T, length: number): T {
  const larger = new (array.constructor as new (length: number) => T)(length);
  larger.set(array);
  return larger;
}
