// The least that a supervisor could be: one child, its lines and its end.
const child = Bun.spawn(["/bin/sleep", "600"], { stdio: ["ignore", "pipe", "ignore"] });
process.on("SIGTERM", () => child.kill());
console.log("waiting");
for await (const chunk of child.stdout) console.log(chunk.length);
await child.exited;
// Servers of whoever imports this would go on.
process.exit();
