/** The program as it is, which also answers a message from its parent with what its heap holds after a collection. */
process.on("message", () => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  process.send?.({ heap: heapUsed, external });
});

const MAIN = new URL("../main.js", import.meta.url).href;
await import(MAIN);
