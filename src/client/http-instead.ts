import type { Fetch } from "./http/http-calls.ts";
import { retrySockets } from "./http/socket-retry.ts";
import { openHttpSocket } from "./http-socket.ts";
import type { Clock, OpenSocket } from "./ports.ts";

export interface InsteadPorts {
  readonly openSocket: OpenSocket;
  readonly fetch: Fetch;
  readonly clock: Clock;
}

/**
 * The frame with which a server announces its end: the client opens its next connection first, and leaves
 * this one without a gap.
 */
const RESTART = JSON.stringify({ type: "restart", reconnectInMs: 1_000 });

/**
 * Speaks HTTP in place of a socket, and checks meanwhile whether sockets are still blocked. When one opens,
 * it calls `found`, and makes the client move to a socket.
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
    retrySockets({ openSocket, clock, url, subprotocol, signal: closing.signal }, () => {
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
