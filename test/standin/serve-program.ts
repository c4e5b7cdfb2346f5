/** A local GitHub in a process of its own: prints its URL; when its input ends, by how many bytes its memory grew at most. */
import { startSite } from "./site.ts";

const { github } = await startSite();
const before = process.memoryUsage.rss();
console.log(github.url);
for await (const _ of Bun.stdin.stream()) {
  // Until the end of the input.
}
// Kilobytes, the highest ever, so also what was freed again.
console.log(process.resourceUsage().maxRSS * 1024 - before);
await github.close();
