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

/** What a socket tells its owner. Nothing is called after `closed`. */
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

interface StandardEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
}

interface StandardSocket {
  send(text: string): void;
  close(): void;
  addEventListener(type: string, listener: { handleEvent(event: StandardEvent): void }): void;
}

// Browsers and Node from 22 on have it; declared here because the two describe it in different words.
declare const WebSocket: (new (url: string, subprotocol: string) => StandardSocket) | undefined;

/** One object listens to all four events, so that a socket needs no closures. */
class StandardListener {
  readonly #listener: SocketListener;

  constructor(listener: SocketListener) {
    this.#listener = listener;
  }

  handleEvent(event: StandardEvent): void {
    switch (event.type) {
      case "open":
        this.#listener.opened();
        break;
      case "message":
        this.#listener.received(event.data);
        break;
      case "close":
        this.#listener.closed(event.code ?? 1006, event.reason ?? "");
        break;
      default:
        // `error` says nothing of its own and is always followed by `close` (WHATWG WebSockets, section 4).
        break;
    }
  }
}

/** Opens the surroundings' own WebSocket. Throws where there is none (Node 20): give `openSocket` then. */
export const openStandardSocket: OpenSocket = (url, subprotocol, listener) => {
  if (typeof WebSocket === "undefined") {
    throw new Error("There is no WebSocket here; give ChatClient the option openSocket");
  }
  const socket = new WebSocket(url, subprotocol);
  const standard = new StandardListener(listener);
  for (const type of ["open", "message", "close", "error"]) socket.addEventListener(type, standard);
  return socket;
};
