import type { Duplex } from "node:stream";

/** Sockets that hold what is written to them until the tick of the event loop ends. */
const corked = new Set<Duplex>();

/** Holds what is written to the socket, and sends it together at the end of this tick or at `uncork`. */
export function cork(wire: Duplex): void {
  if (corked.has(wire)) return;
  if (corked.size === 0) setImmediate(uncorkAll);
  wire.cork();
  corked.add(wire);
}

/** Sends what the socket holds; does nothing if it is not corked. */
export function uncork(wire: Duplex): void {
  if (corked.delete(wire)) wire.uncork();
}

function uncorkAll(): void {
  for (const wire of corked) uncork(wire);
}
