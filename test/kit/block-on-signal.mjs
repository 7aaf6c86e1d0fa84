// Loaded into the program by `node --import`: from SIGUSR2 on every turn of its event loop takes half a second,
// or BLOCKED_MS, until the next SIGUSR2.
const TURN_MS = Number(process.env.BLOCKED_MS ?? 500);
let blocking = false;

function block() {
  const end = performance.now() + TURN_MS;
  while (performance.now() < end);
  if (blocking) setImmediate(block);
}

process.on("SIGUSR2", () => {
  blocking = !blocking;
  if (blocking) setImmediate(block);
});
