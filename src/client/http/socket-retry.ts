import type { Cancel, Clock, OpenSocket } from "../ports.ts";

/** Milliseconds between two looks whether sockets are still blocked: people change networks. */
export const LOOK_AGAIN_MS = 300_000;

export interface Look {
  readonly openSocket: OpenSocket;
  readonly clock: Clock;
  readonly url: string;
  readonly subprotocol: string;
  /** Aborted when nobody wants to know any more. */
  readonly signal: AbortSignal;
}

/** Opens a socket now and then, and closes it; calls `found` the first time that one opens. */
export function lookForSockets(
  { openSocket, clock, url, subprotocol, signal }: Look,
  found: () => void,
): void {
  let cancel: Cancel | undefined;
  const later = (): void => {
    cancel?.();
    if (!signal.aborted) cancel = clock.after(LOOK_AGAIN_MS, look);
  };
  const look = (): void => {
    const socket = openSocket(url, subprotocol, {
      opened: () => {
        socket.close();
        if (!signal.aborted) found();
      },
      received: () => undefined,
      closed: later,
    });
    // One that neither opens nor fails is given up with the next look.
    cancel = clock.after(LOOK_AGAIN_MS, () => {
      socket.close();
      later();
    });
  };
  signal.addEventListener("abort", () => cancel?.());
  later();
}
