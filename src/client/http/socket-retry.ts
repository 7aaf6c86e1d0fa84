import type { Cancel, Clock, OpenSocket } from "../ports.ts";

/** Milliseconds between two attempts to open a socket; users change networks. */
export const RETRY_MS = 300_000;

export interface Look {
  readonly openSocket: OpenSocket;
  readonly clock: Clock;
  readonly url: string;
  readonly subprotocol: string;
  /** Ends the attempts. */
  readonly signal: AbortSignal;
}

/** Opens a socket at times and closes it; calls `found` once, when the first one opens. */
export function retrySockets({ openSocket, clock, url, subprotocol, signal }: Look, found: () => void): void {
  let cancel: Cancel | undefined;
  const later = (): void => {
    cancel?.();
    if (!signal.aborted) cancel = clock.after(RETRY_MS, look);
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
    // A socket that neither opens nor fails is given up at the next attempt.
    cancel = clock.after(RETRY_MS, () => {
      socket.close();
      later();
    });
  };
  signal.addEventListener("abort", () => cancel?.());
  later();
}
