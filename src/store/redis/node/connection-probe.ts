import { randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import { withTimeout } from "../../with-timeout.ts";
import { describe } from "../errors.ts";
import type { Timeouts } from "../timeouts.ts";
import type { RedisConnections } from "./redis-connections.ts";
import type { ServerClock } from "./server-clock.ts";

export interface ConnectionProbeListener {
  /** Called when a message was sent through the writer and came back through the subscriber. */
  proved(): void;
  failed(reason: string): void;
}

/**
 * Proves that the connections work: a message goes to an own channel and back, and the third connection
 * answers if there is one. Nothing less proves it: TCP keeps the connections to a frozen server open for
 * minutes, and a subscriber that lost its subscriptions looks idle.
 */
export class ConnectionProbe {
  readonly #connections: RedisConnections;
  readonly #channel: string;
  readonly #clock: ServerClock;
  readonly #timeouts: Timeouts;
  readonly #listener: ConnectionProbeListener;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #provedAt: number | undefined;
  #awaited: { readonly token: string; readonly arrived: () => void } | undefined;

  constructor(
    connections: RedisConnections,
    channel: string,
    clock: ServerClock,
    timeouts: Timeouts,
    listener: ConnectionProbeListener,
  ) {
    this.#connections = connections;
    this.#channel = channel;
    this.#clock = clock;
    this.#timeouts = timeouts;
    this.#listener = listener;
  }

  /** Subscribes the own channel and makes the first round trip; then makes one every few seconds. */
  async start(): Promise<void> {
    await this.#connections.subscriber.subscribe(this.#channel);
    await this.#once();
    if (!this.#stopped) this.#timer ??= setInterval(() => this.now(), this.#timeouts.probeEveryMs);
  }

  /** Makes a round trip at once, unless one is pending. */
  now(): void {
    if (this.#awaited !== undefined) return;
    this.#once().then(
      () => this.#listener.proved(),
      (error: unknown) => this.#listener.failed(describe(error)),
    );
  }

  /** Milliseconds since the last round trip; undefined before the first. */
  get ageMs(): number | undefined {
    return this.#provedAt === undefined ? undefined : performance.now() - this.#provedAt;
  }

  /** To be called when something arrived on the own channel. */
  arrived(payload: Buffer): void {
    if (payload.toString() === this.#awaited?.token) this.#awaited.arrived();
  }

  /** Stops for good. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  async #once(): Promise<void> {
    // Random, because every client that knows the channel could publish a number.
    const token = randomBytes(8).toString("hex");
    const arrival = new Promise<void>((arrived) => {
      this.#awaited = { token, arrived };
    });
    const { writer, confirmer } = this.#connections;
    try {
      const sent = writer.publish(this.#channel, token);
      await withTimeout(
        this.#timeouts.probeMs,
        Promise.all([sent, readClock(writer, this.#clock), arrival, confirmer?.ping()]),
      );
      this.#provedAt = performance.now();
    } finally {
      this.#awaited = undefined;
    }
  }
}

/** Reads Redis's time once, as a sample for the clock. */
export async function readClock(redis: Redis, clock: ServerClock): Promise<void> {
  const [seconds, microseconds] = await redis.time();
  clock.sampled(Number(seconds) * 1_000 + Number(microseconds) / 1_000);
}
