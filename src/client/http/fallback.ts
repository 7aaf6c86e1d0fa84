import { ABNORMAL, ORIGIN_REFUSED } from "../contract.ts";
import type { openHttpInstead } from "../http-instead.ts";
import { type ClientSocket, type Clock, type OpenSocket, systemClock } from "../ports.ts";

/**
 * Consecutive sockets that must fail, while the server answers over HTTP, before sockets count as blocked.
 */
const TRIES = 3;

/**
 * Weight of a socket that was neither opened nor refused within 15 s. It counts twice, because the user
 * waits.
 */
const IGNORED = 2;

export interface FallbackPorts {
  readonly openSocket: OpenSocket;
  readonly fetch: typeof fetch;
  readonly clock?: Clock;
  /** Loads http-instead.ts, which is not needed if sockets work. */
  readonly load: () => Promise<{ readonly openHttpInstead: typeof openHttpInstead }>;
}

/**
 * Opens sockets or, where they are blocked, their substitute over HTTP, which checks from time to time
 * whether sockets work again. A browser does not tell why a socket failed, so the server is asked over HTTP
 * whether it refuses this page. If so, the socket is closed with ORIGIN_REFUSED and the server's sentence.
 */
export function openSocketOrHttp({
  openSocket,
  fetch,
  load,
  clock = systemClock,
}: FallbackPorts): OpenSocket {
  let failures = 0;

  /** Fulfils with the server's sentence if it refuses this page; else with undefined. */
  const failed = async (url: string, weight: number): Promise<string | undefined> => {
    const address = new URL("./api/origin", url.replace(/^ws/, "http")).href;
    // If the server cannot be reached at all, that says nothing about sockets. A server of an older version
    // answers 404.
    const answer = await fetch(address, { method: "POST" }).catch(() => undefined);
    failures = answer && answer.status < 500 ? failures + weight : 0;
    if (answer?.status !== 403) return undefined;
    // A proxy may answer 403 as well, without JSON.
    const body: unknown = await answer.json().catch(() => undefined);
    return typeof body === "object" && body !== null && "message" in body ? String(body.message) : undefined;
  };

  const openWatched: OpenSocket = (url, subprotocol, listener) => {
    let settled = false;
    const socket = openSocket(url, subprotocol, {
      opened: () => {
        settled = true;
        failures = 0;
        listener.opened();
      },
      received: (data) => listener.received(data),
      closed: (code, reason) => {
        if (settled) listener.closed(code, reason);
        else {
          settled = true;
          void failed(url, 1).then((refusal) => {
            if (refusal === undefined) listener.closed(code, reason);
            else listener.closed(ORIGIN_REFUSED, refusal);
          });
        }
      },
    });
    return {
      send: (text) => socket.send(text),
      close: () => {
        if (!settled) void failed(url, IGNORED);
        settled = true;
        socket.close();
      },
    };
  };

  const openHttp: OpenSocket = (url, subprotocol, listener) => {
    let closed = false;
    const begin = async (): Promise<ClientSocket | undefined> => {
      const { openHttpInstead } = await load();
      if (closed) return undefined;
      const found = () => {
        failures = 0;
      };
      return openHttpInstead({ openSocket, fetch, clock }, found)(url, subprotocol, listener);
    };
    const socket = begin().catch(() => {
      if (!closed) listener.closed(ABNORMAL, "");
      return undefined;
    });
    return {
      send: (text) => void socket.then((opened) => opened?.send(text)),
      close: () => {
        closed = true;
        void socket.then((opened) => opened?.close());
      },
    };
  };

  return (url, subprotocol, listener) =>
    (failures < TRIES ? openWatched : openHttp)(url, subprotocol, listener);
}
