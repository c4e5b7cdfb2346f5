/** Durations as people write them. */
import ms from "ms";

/** With its unit: a bare number would be milliseconds, which nobody means. @returns ms; undefined for anything else */
export function parseDuration(text: string): number | undefined {
  return text.length <= 50 && /^\d.*[a-z]$/i.test(text) ? ms(text as ms.StringValue) : undefined;
}
