/**
 * What the client needs from its environment. Each has a default for browsers and Node; tests pass a fake
 * clock, a fake socket and a seeded random number generator.
 */

/** Cancels a scheduled task; does nothing after it ran. */
export type Cancel = () => void;

export interface Clock {
  /** Returns the milliseconds since 1970 UTC. */
  now(): number;
  /** Calls `task` once, after `ms` milliseconds. */
  after(ms: number, task: () => void): Cancel;
}

/** Returns a number from 0 (included) to 1 (excluded), like Math.random. */
export type Random = () => number;

/** Listener of a socket. Nothing is called before OpenSocket has returned, or after `closed`. */
export interface SocketListener {
  opened(): void;
  received(data: unknown): void;
  closed(code: number, reason: string): void;
}

export interface ClientSocket {
  /** Sends a text frame; called only between `opened` and `closed`. */
  send(text: string): void;
  /** Closes the socket in any state; never throws. */
  close(): void;
}

/** Opens a socket with a subprotocol. Throws a SyntaxError if the URL is invalid. */
export type OpenSocket = (url: string, subprotocol: string, listener: SocketListener) => ClientSocket;

/** Keeps the token that identifies a returning guest. */
export interface TokenStore {
  load(): string | undefined;
  save(token: string): void;
  /** Called when the server no longer accepts the token. */
  forget(): void;
}

/**
 * Keeps the token as long as this object exists. In a browser the session cookie identifies the guest after
 * that.
 */
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

// Browsers and Node from 22 on have it; declared here because their types differ.
declare const WebSocket: (new (url: string, subprotocol: string) => StandardSocket) | undefined;

/**
 * Opens the WebSocket of the browser or of Node. Throws if there is none (Node 20), which needs `openSocket`.
 */
export const openStandardSocket: OpenSocket = (url, subprotocol, listener) => {
  if (typeof WebSocket === "undefined") {
    throw new Error("No WebSocket here: give openSocket");
  }
  const socket = new WebSocket(url, subprotocol);
  // `error` carries no information and is always followed by `close` (WHATWG WebSockets, section 4).
  socket.onopen = () => listener.opened();
  socket.onmessage = ({ data }) => listener.received(data);
  socket.onclose = ({ code, reason }) => listener.closed(code, reason);
  return socket;
};
