/** A local GitHub in a process of its own: prints its URL; when its input ends, by how many bytes its memory grew at most. */
import { startSite } from "./site.ts";

const { github } = await startSite();
const before = process.memoryUsage.rss();
let most = before;
// Not resourceUsage().maxRSS: on Linux that begins with what the parent process had.
const sampling = setInterval(() => {
  most = Math.max(most, process.memoryUsage.rss());
}, 5);
console.log(github.url);
for await (const _ of Bun.stdin.stream()) {
  // Until the end of the input.
}
clearInterval(sampling);
console.log(most - before);
await github.close();
