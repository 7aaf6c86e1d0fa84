import type { Fetch } from "./http/http-calls.ts";
import { lookForSockets } from "./http/socket-again.ts";
import { openHttpSocket } from "./http-socket.ts";
import type { Clock, OpenSocket } from "./ports.ts";

export interface InsteadPorts {
  readonly openSocket: OpenSocket;
  readonly fetch: Fetch;
  readonly clock: Clock;
}

/** How a server says that it goes away: the client opens its next connection first, and leaves this one without a gap. */
const RESTART = JSON.stringify({ type: "restart", reconnectInMs: 1_000 });

/**
 * Speaks HTTP in place of a socket, and looks meanwhile whether sockets are still blocked. When they are not, it calls `found`
 * and lets the client move.
 */
export function openHttpInstead({ openSocket, fetch, clock }: InsteadPorts, found: () => void): OpenSocket {
  return (url, subprotocol, listener) => {
    const closing = new AbortController();
    const socket = openHttpSocket({ fetch, clock })(url, subprotocol, {
      opened: () => listener.opened(),
      received: (data) => listener.received(data),
      closed: (code, reason) => {
        closing.abort();
        listener.closed(code, reason);
      },
    });
    lookForSockets({ openSocket, clock, url, subprotocol, signal: closing.signal }, () => {
      found();
      listener.received(RESTART);
    });
    return {
      send: (text) => socket.send(text),
      close: () => {
        closing.abort();
        socket.close();
      },
    };
  };
}
