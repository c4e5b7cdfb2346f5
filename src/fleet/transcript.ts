/** What the agent prints, on disk: without secrets, and bounded, whatever it prints. */
import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { Redactor } from "../model/redaction.ts";

export class Transcript {
  private readonly file: number;
  private readonly redactor: Redactor;
  /** An attempt that was parked goes on where it was. */
  private written: number;
  /** Lines that were not kept: past the limit, or the disk refused them. */
  dropped = 0;

  /** @param secrets values to be masked */
  constructor(
    path: string,
    private readonly limitBytes: number,
    secrets: readonly string[],
  ) {
    this.file = openSync(path, "a", 0o600);
    this.written = fstatSync(this.file).size;
    this.redactor = new Redactor(secrets);
  }

  /**
   * @param essential kept also past the limit (results and usage), but for a hundredth of it more
   * @returns the line without its secrets, for whoever reads on: before anything of it is cut off, and a secret with it
   */
  add(line: string, essential: boolean): string {
    const replaced = this.redactor.replaced(line);
    const text = `${this.redactor.kept(replaced, line)}\n`;
    const room = this.limitBytes + (essential ? this.limitBytes / 100 : 0) - this.written;
    if (text.length > room) {
      this.dropped++;
      return replaced;
    }
    try {
      this.written += writeSync(this.file, text);
    } catch {
      this.dropped++; // A full disk must not end a healthy agent.
    }
    return replaced;
  }

  close(): void {
    closeSync(this.file);
  }
}
