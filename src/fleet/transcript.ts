/** What the agent prints, on disk: without the secrets that we know, and bounded, whatever it prints. */
import { closeSync, openSync, writeSync } from "node:fs";

export class Transcript {
  private readonly file: number;
  private written = 0;
  /** Lines that were not kept: past the limit, or the disk refused them. */
  dropped = 0;

  /** @param secrets values to be masked */
  constructor(
    path: string,
    private readonly limitBytes: number,
    private readonly secrets: readonly string[],
  ) {
    this.file = openSync(path, "a", 0o600);
  }

  /** @param essential kept also past the limit (results and usage), but for a hundredth of it more */
  add(line: string, essential: boolean): void {
    const text = `${mask(line, this.secrets)}\n`;
    const room = this.limitBytes + (essential ? this.limitBytes / 100 : 0) - this.written;
    if (text.length > room) {
      this.dropped++;
      return;
    }
    try {
      this.written += writeSync(this.file, text);
    } catch {
      this.dropped++; // A full disk must not end a healthy agent.
    }
  }

  close(): void {
    closeSync(this.file);
  }
}

export function mask(text: string, secrets: readonly string[]): string {
  return secrets.reduce((masked, secret) => masked.replaceAll(secret, "***"), text);
}
