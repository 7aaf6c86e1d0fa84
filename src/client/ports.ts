/**
 * What the client needs from its surroundings. Each has a default that fits browsers and Node; tests give
 * a fake clock, a fake socket and a seeded random.
 */

/** Takes back a scheduled task; harmless once the task ran. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds since 1970 UTC. */
  now(): number;
  /** Calls `task` once, after `ms` milliseconds. */
  after(ms: number, task: () => void): Cancel;
}

/** A number from 0 (included) to 1 (excluded), like Math.random. */
export type Random = () => number;

/** What a socket tells its owner. Nothing is called before OpenSocket has returned it, or after `closed`. */
export interface SocketListener {
  opened(): void;
  received(data: unknown): void;
  closed(code: number, reason: string): void;
}

export interface ClientSocket {
  /** Only called between `opened` and `closed`. */
  send(text: string): void;
  /** Ends it whatever its state; never throws. */
  close(): void;
}

/** Opens a socket with a subprotocol. Throws a SyntaxError if the URL is none. */
export type OpenSocket = (url: string, subprotocol: string, listener: SocketListener) => ClientSocket;

/** Where the token that makes a guest the same guest again is kept. */
export interface TokenStore {
  load(): string | undefined;
  save(token: string): void;
  /** The server does not accept it any more. */
  forget(): void;
}

/** Keeps the token as long as this object lives. In a browser the session cookie does the rest. */
export class MemoryTokenStore implements TokenStore {
  #token: string | undefined;

  load(): string | undefined {
    return this.#token;
  }

  save(token: string): void {
    this.#token = token;
  }

  forget(): void {
    this.#token = undefined;
  }
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};

interface StandardSocket {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  send(text: string): void;
  close(): void;
}

// Browsers and Node from 22 on have it; declared here because the two describe it in different words.
declare const WebSocket: (new (url: string, subprotocol: string) => StandardSocket) | undefined;

/** Opens the surroundings' own WebSocket. Throws where there is none (Node 20): give `openSocket` then. */
export const openStandardSocket: OpenSocket = (url, subprotocol, listener) => {
  if (typeof WebSocket === "undefined") {
    throw new Error("No WebSocket here: give openSocket");
  }
  const socket = new WebSocket(url, subprotocol);
  // `error` says nothing of its own and is always followed by `close` (WHATWG WebSockets, section 4).
  socket.onopen = () => listener.opened();
  socket.onmessage = ({ data }) => listener.received(data);
  socket.onclose = ({ code, reason }) => listener.closed(code, reason);
  return socket;
};
