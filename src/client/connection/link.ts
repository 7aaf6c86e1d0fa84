import { SUBPROTOCOL } from "../../protocol/frames.ts";
import { ABNORMAL, RESTARTING, UNAUTHORIZED } from "../contract.ts";
import { type Incoming, readFrame, type SentFrame } from "../frames.ts";
import type { Cancel, ClientSocket, Clock, OpenSocket, Random } from "../ports.ts";
import { backoffMs, toldMs } from "./backoff.ts";
import { type ConnectionEvent, type ConnectionState, type Loss, nextConnectionState } from "./connection.ts";
import {
  ANSWER_MS,
  JUMP_MS,
  LOOK_MS,
  NEXT_PAUSE_MS,
  OPENING_MS,
  PROBE_MS,
  RESTART_GRACE_MS,
  RESTART_LEAD_MS,
  RESTARTS_IN_A_ROW,
  SILENCE_MS,
} from "./timing.ts";

/** Called with the answer to a request; undefined if the connection was lost before it came. */
export type Answered = (answer: Incoming | undefined) => void;

type WithoutRef<F> = F extends { readonly ref: number } ? Omit<F, "ref"> : never;
/** A frame that has an answer; the link adds its `ref`. */
export type Request = WithoutRef<SentFrame>;

/** Why the connection is given up, or none is opened. */
export type Problem = Pick<Loss, "cause" | "awayMs"> & { readonly reason: string };

export interface LinkPorts {
  readonly url: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly openSocket: OpenSocket;
  /**
   * Called before a socket is opened. Calls `ready` when it may be opened, or with a problem when it may not.
   * Returns the function that cancels the preparation.
   */
  readonly prepare: (ready: (problem?: Problem) => void) => Cancel;
  /**
   * Called when the server rejects the user, with its sentence. Returns whether another attempt may succeed.
   */
  readonly shutOut: (reason: string) => boolean;
  /**
   * Called after each change with the new state. In `greeting` the socket is open, and a hello is to be sent.
   */
  readonly changed: (state: ConnectionState) => void;
  /** Called with each frame that answers no request. */
  readonly onFrame: (frame: Incoming) => void;
}

/**
 * Keeps one connection to the server: opens it, detects its loss, opens the next one; matches answers to
 * requests.
 */
export class Link {
  readonly #ports: LinkPorts;
  /** Requests without an answer yet, by `ref`. */
  readonly #pending = new Map<number, Answered>();
  /** Timers of the present state; the next state cancels them. */
  readonly #timers = new Set<Cancel>();
  #state: ConnectionState = { name: "idle" };
  /** The open socket. */
  #current: ClientSocket | undefined;
  /** The socket that is being opened, perhaps before a restarting server closes the current one. */
  #next: ClientSocket | undefined;
  /** Set while the client prepares for the next socket. */
  #cancelPrepare: Cancel | undefined;
  /** Attempts to open the next socket while the current one is still open. */
  #tries = 0;
  /** Announced restarts since a connection was last live for `LOOK_MS`. */
  #restarts = 0;
  /** The `ref` of the last request; the first one is 1. */
  #lastRef = 0;
  #heardAt = 0;

  constructor(ports: LinkPorts) {
    this.#ports = ports;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Changes to the state that follows from `event`, if it means anything in the present one. */
  apply(event: ConnectionEvent): void {
    const before = this.#state;
    const after = nextConnectionState(before, event);
    if (after === before) return;
    this.#state = after;
    if (after.name !== before.name) this.#enter(after);
    this.#ports.changed(after);
  }

  /**
   * Tests the connection: ends the wait, or gives up a connection that does not answer within 3 s. Calls
   * `answered` after an answer.
   */
  probe(answered?: () => void): void {
    if (this.#state.name === "live") {
      this.#heardAt = this.#ports.clock.now();
      this.request({ type: "ping" }, (answer) => answer && answered?.(), PROBE_MS);
    } else this.apply("network");
  }

  /**
   * To be called when the server announces that it closes the connection in `ms`; if it does not, the client
   * does. The next connection is opened before, and takes over once it is open; if it cannot be opened, the
   * old one stays. A further announcement on the same connection is ignored.
   */
  restart(ms: number): void {
    const state = this.#state;
    if (state.name !== "live" || state.restarting) return;
    this.#restarts += 1;
    const isFree = this.#restarts <= RESTARTS_IN_A_ROW;
    const pauseMs = isFree ? 0 : backoffMs(this.#restarts - 1, this.#ports.random());
    const untilNext = Math.max(toldMs(ms) - RESTART_LEAD_MS, pauseMs);
    this.#tries = 0;
    this.#openNextIn(untilNext);
    this.#dropIn(untilNext + RESTART_LEAD_MS + RESTART_GRACE_MS);
    this.apply(isFree ? "restart" : "restart-again");
  }

  /** Sends a frame that has no answer; without a connection it is dropped. */
  send(frame: SentFrame): void {
    this.#current?.send(JSON.stringify(frame));
  }

  /**
   * Sends a request, and passes its answer to `answered` once. Returns the function that makes it ignore the
   * answer and its deadline. Without an answer within `ms` the connection is given up. If there is no
   * connection, which a listener may not know yet, nothing is awaited.
   */
  request(frame: Request, answered?: Answered, ms: number = ANSWER_MS): Cancel {
    this.#lastRef += 1;
    const ref = this.#lastRef;
    const isOpen = this.#current;
    const cancelDeadline = this.#ports.clock.after(isOpen ? ms : 0, () => {
      if (isOpen) this.drop();
      else this.#pending.get(ref)?.(undefined);
    });
    const forget = () => {
      cancelDeadline();
      this.#pending.delete(ref);
    };
    this.#pending.set(ref, (answer) => {
      forget();
      answered?.(answer);
    });
    this.send({ ...frame, ref });
    return forget;
  }

  /** Gives up the connection and, unless the client was stopped, waits for the next one. */
  drop(code: number = ABNORMAL, { reason, cause, awayMs }: Problem = { reason: "" }): void {
    const { clock, random, shutOut } = this.#ports;
    const mends = code === UNAUTHORIZED && this.#current && shutOut(reason);
    const known = mends ? "token" : cause;
    this.apply({ at: clock.now(), code, reason, random: random(), cause: known, awayMs });
  }

  /** Starts the timers and the socket of a new state. */
  #enter(state: ConnectionState): void {
    const { clock } = this.#ports;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    switch (state.name) {
      case "connecting":
        if (this.#next) this.#dropIn(OPENING_MS);
        else this.#begin();
        break;
      case "greeting":
        this.#dropIn(OPENING_MS);
        break;
      case "live":
        this.#heardAt = clock.now();
        this.#look();
        break;
      default:
        this.#cancelPrepare?.();
        this.#cancelPrepare = undefined;
        this.#abandon(this.#next);
        this.#next = undefined;
        this.#abandon();
        if (state.name === "waiting") {
          this.#after(state.retryAt - clock.now(), () => this.apply("retry"));
        }
    }
  }

  #after(ms: number, task: () => void): void {
    const cancel = this.#ports.clock.after(ms, () => {
      this.#timers.delete(cancel);
      task();
    });
    this.#timers.add(cancel);
  }

  #dropIn(ms: number): void {
    this.#after(ms, () => this.drop());
  }

  #openNextIn(ms: number): void {
    this.#after(ms, () => this.#begin());
  }

  /** Opens the next socket as soon as the client is ready for it; one at a time. */
  #begin(): void {
    if (this.#next || this.#cancelPrepare) return;
    let isReady = false;
    const cancel = this.#ports.prepare((problem) => {
      isReady = true;
      this.#cancelPrepare = undefined;
      if (!problem) {
        this.#next = this.#open();
        if (!this.#current) this.#dropIn(OPENING_MS);
      } else if (this.#current) this.#tryNextAgain();
      else this.drop(ABNORMAL, problem);
    });
    if (!isReady) this.#cancelPrepare = cancel;
  }

  #tryNextAgain(): void {
    this.#tries += 1;
    this.#openNextIn((this.#tries + this.#ports.random()) * NEXT_PAUSE_MS);
  }

  /**
   * Opens a socket. Its listeners compare it with the current one, so that events of a replaced socket are
   * ignored.
   */
  #open(): ClientSocket {
    const { openSocket, url } = this.#ports;
    const socket = openSocket(url, SUBPROTOCOL, {
      opened: () => {
        if (socket !== this.#next) return;
        this.#next = undefined;
        this.#abandon(socket);
        this.apply("opened");
      },
      received: (data) => {
        if (socket === this.#current) this.#onData(data);
      },
      closed: (code, reason) => {
        if (socket === this.#next && this.#current) {
          this.#next = undefined;
          this.#tryNextAgain();
        } else if (socket !== (this.#current ?? this.#next)) return;
        else if (this.#current && this.#next && code === RESTARTING) {
          // The next socket is being opened already.
          this.#abandon();
          this.apply("handover");
        } else this.drop(code, { reason });
      },
    });
    return socket;
  }

  #onData(data: unknown): void {
    this.#heardAt = this.#ports.clock.now();
    const frame = readFrame(data);
    if (!frame) return;
    // An entry of the room answers no request, whatever fields an unknown type may have.
    const ref = !("prev" in frame) && "ref" in frame && frame.ref;
    if (ref) this.#pending.get(ref)?.(frame);
    else this.#ports.onFrame(frame);
  }

  /** Checks regularly whether anything was received meanwhile, with one timer instead of one per frame. */
  #look(): void {
    const { clock } = this.#ports;
    const begun = clock.now();
    const ms = Math.min(this.#heardAt + SILENCE_MS - begun, LOOK_MS);
    this.#after(ms, () => {
      const now = clock.now();
      // Frames that came while the machine slept may be delivered after this timer: probe before giving up.
      if (now - begun - ms > JUMP_MS) this.probe();
      if (now >= this.#heardAt + SILENCE_MS) this.drop();
      else {
        this.#look();
        this.#restarts = 0;
        this.apply("settled");
      }
    });
  }

  /** Leaves the current socket, for `heir` or none; requests that wait on it get no answer. */
  #abandon(heir?: ClientSocket): void {
    const left = this.#current;
    this.#current = heir;
    left?.close();
    for (const answered of [...this.#pending.values()]) answered(undefined);
  }
}
