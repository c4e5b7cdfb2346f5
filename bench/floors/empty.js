// What Bun costs by itself.
globalThis.name = "";
