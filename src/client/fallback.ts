import { ABNORMAL } from "./contract.ts";
import type { openHttpInstead } from "./http-instead.ts";
import { type ClientSocket, type Clock, type OpenSocket, systemClock } from "./ports.ts";

/** Sockets that must fail in a row, while the server answers over HTTP, before they are taken to be blocked. */
const TRIES = 3;

/** A socket that was neither opened nor refused, until the client gave it up after 15 s, counts for two: people wait. */
const IGNORED = 2;

export interface FallbackPorts {
  readonly openSocket: OpenSocket;
  readonly fetch: typeof fetch;
  readonly clock?: Clock;
  /** Loads http-instead.ts, which is not needed where sockets work. */
  readonly load: () => Promise<{ readonly openHttpInstead: typeof openHttpInstead }>;
}

/** Opens sockets, and where they are blocked what speaks HTTP in their place; from there the way back is looked for. */
export function openSocketOrHttp({
  openSocket,
  fetch,
  load,
  clock = systemClock,
}: FallbackPorts): OpenSocket {
  let failures = 0;

  const failed = async (url: string, weight: number): Promise<void> => {
    // A server that cannot be reached at all says nothing about sockets.
    const answer = await fetch(new URL("./livez", url.replace(/^ws/, "http")).href).catch(() => undefined);
    failures = answer?.ok === true ? failures + weight : 0;
  };

  const openWatched: OpenSocket = (url, subprotocol, listener) => {
    let settled = false;
    const settle = (weight: number): void => {
      if (settled) return;
      settled = true;
      if (weight === 0) failures = 0;
      else void failed(url, weight);
    };
    const socket = openSocket(url, subprotocol, {
      opened: () => {
        settle(0);
        listener.opened();
      },
      received: (data) => listener.received(data),
      closed: (code, reason) => {
        settle(1);
        listener.closed(code, reason);
      },
    });
    return {
      send: (text) => socket.send(text),
      close: () => {
        settle(IGNORED);
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
