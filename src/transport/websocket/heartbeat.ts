import { countOne } from "../../chat/counters.ts";
import type { LimitName } from "../../chat/limits/limit-names.ts";
import { CLOSE } from "../../protocol/codes.ts";
import type { PingFrame } from "../../protocol/frames.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { V1_CODEC } from "../codecs/v1.ts";
import type { SocketConnection } from "./socket-connection.ts";

/** How often the one timer checks all sockets, ms. */
const TICK_MS = 1_000;

/** Pings that may stay unanswered; when the next one is due, the socket is closed. */
const MISSED = 2;

const MESSAGE_TOO_SLOW = `a message took longer than ${LIMITS.messageMs / 1000} s`;

const PING: PingFrame = { type: "ping" };
const PING_BYTES = V1_CODEC.frame(PING);

interface Pulse {
  /** When the next ping is due. */
  dueAt: number;
  unanswered: number;
  /** When the message that is incomplete now was first seen; undefined = no message is. */
  incompleteSince: number | undefined;
}

/** The counters that the heartbeat uses. */
interface HeartbeatCounters {
  readonly limited: Map<LimitName, number>;
}

/**
 * Pings every socket, from one timer for all: this keeps the platform's router from closing an idle socket
 * (55 s), and detects connections that are gone. Pages cannot see these pings: v1 clients get a `ping` frame
 * as well if nothing else was sent for `LIMITS.pingMs`. Closes a socket whose message takes longer than
 * `LIMITS.messageMs`, whatever else it sends.
 */
export class Heartbeat {
  readonly #pingMs: number;
  readonly #counters: HeartbeatCounters;
  readonly #pulses = new Map<SocketConnection, Pulse>();
  #timer: NodeJS.Timeout | undefined;
  #now = performance.now();

  constructor(pingSeconds: number, counters: HeartbeatCounters) {
    this.#counters = counters;
    this.#pingMs = pingSeconds * 1000;
  }

  /** Starts the timer. */
  start(): void {
    this.#timer = setInterval(this.#tick, Math.min(TICK_MS, this.#pingMs)).unref();
  }

  /** The time of the last check, ms; exact enough for times in seconds, and free to read. */
  get now(): number {
    return this.#now;
  }

  add(connection: SocketConnection): void {
    const dueAt = performance.now() + this.#pingMs;
    this.#pulses.set(connection, { dueAt, unanswered: 0, incompleteSince: undefined });
  }

  remove(connection: SocketConnection): void {
    this.#pulses.delete(connection);
  }

  /** Notes that data or a pong arrived from the peer. */
  alive(connection: SocketConnection): void {
    const pulse = this.#pulses.get(connection);
    if (pulse !== undefined) pulse.unanswered = 0;
  }

  /** Notes that a message is complete. */
  completed(connection: SocketConnection): void {
    const pulse = this.#pulses.get(connection);
    if (pulse === undefined) return;
    pulse.unanswered = 0;
    pulse.incompleteSince = undefined;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#pulses.clear();
  }

  readonly #tick = (): void => {
    this.#now = performance.now();
    for (const [connection, pulse] of this.#pulses) {
      // A connection that is not read may have answered.
      if (connection.isPaused) pulse.incompleteSince = undefined;
      else {
        if (pulse.dueAt <= this.#now) this.#beat(connection, pulse);
        this.#checkMessage(connection, pulse);
      }
      if (connection.codec === V1_CODEC && this.#now - connection.wroteAt >= LIMITS.pingMs) {
        connection.write(PING_BYTES);
      }
    }
  };

  #checkMessage(connection: SocketConnection, pulse: Pulse): void {
    pulse.incompleteSince = connection.isMidMessage ? (pulse.incompleteSince ?? this.#now) : undefined;
    if (pulse.incompleteSince === undefined || this.#now - pulse.incompleteSince < LIMITS.messageMs) return;
    this.#pulses.delete(connection);
    countOne(this.#counters.limited, "message-time");
    connection.close(CLOSE.tooSlow, MESSAGE_TOO_SLOW);
  }

  #beat(connection: SocketConnection, pulse: Pulse): void {
    if (pulse.unanswered >= MISSED) {
      this.#pulses.delete(connection);
      connection.close(CLOSE.tooSlow, "two pings unanswered");
      return;
    }
    pulse.unanswered += 1;
    pulse.dueAt = this.#now + this.#pingMs;
    connection.ping();
  }
}
