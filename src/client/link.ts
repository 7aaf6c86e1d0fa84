import type { ClientFrame, ErrorFrame, ServerFrame } from "../protocol.ts";
import { SUBPROTOCOL } from "../protocol.ts";
import { type ConnectionEvent, type ConnectionState, nextConnectionState, SETTLED_MS } from "./connection.ts";
import { type Incoming, readFrame } from "./frames.ts";
import type { Cancel, ClientSocket, Clock, OpenSocket, Random, SocketListener } from "./ports.ts";

/** Milliseconds without a frame after which a connection is taken for dead; the server pings every 25 s. */
export const SILENCE_MS = 35_000;
/** Milliseconds for opening and greeting; the platform's router gives up on a request after 30 s. */
export const OPENING_MS = 15_000;
/** Milliseconds for the answer to one request; the server answers in 2 s, slow networks add to it. */
export const ANSWER_MS = 30_000;
/** Milliseconds before the announced end of a connection at which the next one is opened. */
const RESTART_LEAD_MS = 1_000;
/** Milliseconds that a restarting server may keep the connection beyond what it announced. */
const RESTART_GRACE_MS = 2_000;
/** Milliseconds, at most, between two looks at the clock. */
const LOOK_MS = 5_000;
/** Milliseconds that the clock may jump between two looks before the connection is in doubt: the machine slept. */
const JUMP_MS = 20_000;
/** Milliseconds for the answer of a connection that is in doubt. */
const PROBE_MS = 3_000;

/** RFC 6455, section 7.4.1: no close frame was seen. */
const ABNORMAL = 1006;

/** The answer to a request; undefined if the connection was lost before it came. */
export type Answer = Exclude<ServerFrame, ErrorFrame> | ErrorFrame | undefined;
export type Answered = (answer: Answer) => void;

export interface LinkOwner {
  /** Called after each change, with the new state. */
  connectionChanged(state: ConnectionState): void;
  /** The socket is open: say hello. */
  greet(): void;
  /** A frame that answers no request. */
  received(frame: Incoming): void;
}

export interface LinkPorts {
  readonly url: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly openSocket: OpenSocket;
}

interface Pending {
  readonly answered: Answered;
  readonly cancelDeadline: Cancel;
}

/** One socket's listener. A socket that was replaced talks to nobody. */
class Attempt implements SocketListener {
  readonly #link: Link;
  socket: ClientSocket | undefined;

  constructor(link: Link) {
    this.#link = link;
  }

  opened(): void {
    this.#link.socketOpened(this);
  }

  received(data: unknown): void {
    this.#link.socketReceived(this, data);
  }

  closed(code: number, reason: string): void {
    this.#link.socketClosed(this, code, reason);
  }
}

/** Keeps one connection to the server: opens it, notices its death, opens the next; matches answers to requests. */
export class Link {
  readonly #ports: LinkPorts;
  readonly #owner: LinkOwner;
  readonly #pending = new Map<number, Pending>();
  #state: ConnectionState = { name: "idle" };
  #current: Attempt | undefined;
  /** Opened before the current one is closed by a restarting server. */
  #next: Attempt | undefined;
  #lastRef = 0;
  #heardAt = 0;
  /** Timers of the current state or socket. */
  #cancelSilence: Cancel | undefined;
  #cancelStateTimer: Cancel | undefined;
  #cancelRestart: Cancel | undefined;

  constructor(ports: LinkPorts, owner: LinkOwner) {
    this.#ports = ports;
    this.#owner = owner;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  start(): void {
    this.#apply({ name: "start" });
  }

  stop(): void {
    this.#apply({ name: "stop" });
  }

  /** Ends the wait, if there is one. */
  retryNow(): void {
    this.#apply({ name: "retry" });
  }

  /** Makes sure of the connection: ends the wait, or gives up a connection that does not answer within 3 s. */
  probe(): void {
    if (this.#state.name === "live") this.request((ref) => ({ type: "ping", ref }), ignoreAnswer, PROBE_MS);
    else this.retryNow();
  }

  /** The server said hello. */
  welcomed(): void {
    this.#apply({ name: "welcomed" });
  }

  /**
   * The server goes away in `ms`: it closes the connection then, and if it does not, the client does. The next
   * connection is opened before, and takes over once it is open; where it cannot be opened, the old one stays.
   */
  restartAnnounced(ms: number): void {
    const { clock } = this.#ports;
    this.#apply({ name: "restart" });
    this.#cancelRestart?.();
    const cancelNext = clock.after(ms - RESTART_LEAD_MS, () => {
      this.#next = this.#open();
    });
    const cancelEnd = clock.after(ms + RESTART_GRACE_MS, () => this.drop());
    this.#cancelRestart = () => {
      cancelNext();
      cancelEnd();
    };
  }

  /** Sends a frame that has no answer; without a connection it is lost. */
  send(frame: ClientFrame): void {
    this.#current?.socket?.send(JSON.stringify(frame));
  }

  /**
   * Sends a request and hands its answer to `answered`, once. Returns the function that ignores the
   * answer; it also forgets the deadline. Without an answer within `ms` the connection is given up.
   */
  request(build: (ref: number) => ClientFrame, answered: Answered, ms: number = ANSWER_MS): Cancel {
    this.#lastRef += 1;
    const ref = this.#lastRef;
    const cancelDeadline = this.#ports.clock.after(ms, () => this.drop());
    this.#pending.set(ref, { answered, cancelDeadline });
    this.send(build(ref));
    return () => {
      cancelDeadline();
      this.#pending.delete(ref);
    };
  }

  /** Gives up the connection and, unless it was stopped, waits for the next. */
  drop(code: number = ABNORMAL, reason = ""): void {
    const { clock, random } = this.#ports;
    this.#apply({ name: "lost", at: clock.now(), code, reason, jitter: random() });
  }

  socketOpened(attempt: Attempt): void {
    if (attempt === this.#next) {
      this.#next = undefined;
      this.#abandon();
      this.#current = attempt;
    }
    if (attempt !== this.#current) return;
    this.#apply({ name: "opened" });
    this.#owner.greet();
  }

  socketReceived(attempt: Attempt, data: unknown): void {
    if (attempt !== this.#current) return;
    this.#heardAt = this.#ports.clock.now();
    const frame = readFrame(data);
    if (frame === undefined) return;
    const ref = "ref" in frame ? frame.ref : undefined;
    const pending = ref === undefined ? undefined : this.#pending.get(ref);
    if (ref === undefined || pending === undefined || frame.type === "unknown") {
      this.#owner.received(frame);
      return;
    }
    pending.cancelDeadline();
    this.#pending.delete(ref);
    pending.answered(frame);
  }

  socketClosed(attempt: Attempt, code: number, reason: string): void {
    if (attempt === this.#current) this.drop(code, reason);
  }

  #apply(event: ConnectionEvent): void {
    const before = this.#state;
    const after = nextConnectionState(before, event);
    if (after === before) return;
    this.#state = after;
    this.#enter(after, before.name !== after.name);
    this.#owner.connectionChanged(after);
  }

  /** What a new state brings with it: its timer, its socket. */
  #enter(state: ConnectionState, changed: boolean): void {
    if (!changed) return;
    const { clock } = this.#ports;
    this.#cancelStateTimer?.();
    this.#cancelStateTimer = undefined;
    switch (state.name) {
      case "connecting":
        this.#current = this.#open();
        this.#cancelStateTimer = clock.after(OPENING_MS, () => this.drop());
        break;
      case "greeting":
        this.#cancelStateTimer = clock.after(OPENING_MS, () => this.drop());
        break;
      case "live":
        this.#heardAt = clock.now();
        this.#look();
        this.#cancelStateTimer = clock.after(SETTLED_MS, () => this.#apply({ name: "settled" }));
        break;
      case "waiting":
        this.#abandon();
        this.#cancelStateTimer = clock.after(state.retryAt - clock.now(), () => this.retryNow());
        break;
      default:
        this.#abandon();
    }
  }

  #open(): Attempt {
    const attempt = new Attempt(this);
    attempt.socket = this.#ports.openSocket(this.#ports.url, SUBPROTOCOL, attempt);
    return attempt;
  }

  /** One timer that looks whether anything came meanwhile, instead of one a frame. */
  #look(): void {
    const { clock } = this.#ports;
    const left = this.#heardAt + SILENCE_MS - clock.now();
    const ms = left > 0 ? Math.min(left, LOOK_MS) : LOOK_MS;
    const due = clock.now() + ms;
    this.#cancelSilence = clock.after(ms, () => {
      const now = clock.now();
      this.#look();
      // Frames that came while the machine slept may be waiting behind this timer: ask before giving up.
      if (now - due > JUMP_MS) this.probe();
      else if (now - this.#heardAt >= SILENCE_MS) this.drop();
    });
  }

  #abandon(): void {
    this.#cancelSilence?.();
    this.#cancelRestart?.();
    const sockets = [this.#current, this.#next];
    this.#current = undefined;
    this.#next = undefined;
    for (const attempt of sockets) attempt?.socket?.close();
    const unanswered = [...this.#pending.values()];
    this.#pending.clear();
    for (const { answered, cancelDeadline } of unanswered) {
      cancelDeadline();
      answered(undefined);
    }
  }
}

/** It was heard: that is all. */
function ignoreAnswer(): void {}
