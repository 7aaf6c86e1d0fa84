import type { Duplex } from "node:stream";

/** Sockets that hold back what was written to them, until the tick of the event loop ends. */
const corked = new Set<Duplex>();

/** From now on what is written to the socket goes out together, at the end of this turn or at `uncork`. */
export function cork(wire: Duplex): void {
  if (corked.has(wire)) return;
  if (corked.size === 0) setImmediate(uncorkAll);
  wire.cork();
  corked.add(wire);
}

/** Sends what the socket holds back; nothing where it holds nothing back. */
export function uncork(wire: Duplex): void {
  if (corked.delete(wire)) wire.uncork();
}

function uncorkAll(): void {
  for (const wire of corked) uncork(wire);
}
