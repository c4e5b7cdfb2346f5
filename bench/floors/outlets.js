// wait.js with what a supervisor has open for its agent: a proxy, a gateway, and TLS used once. Then the modules that are named.
import { createRequire } from "node:module";
import { createServer } from "node:net";

const [folder, ...modules] = process.argv.slice(2);
await new Promise((done) => createServer(() => {}).listen(`${folder}/${process.pid}-proxy.sock`, done));
Bun.serve({ unix: `${folder}/${process.pid}-gateway.sock`, fetch: () => new Response() });
await fetch("https://127.0.0.1:1/").catch(() => {});
for (const module of modules) createRequire(import.meta.url)(module);
await import("./wait.js");
