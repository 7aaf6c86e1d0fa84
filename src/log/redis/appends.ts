import type { Redis } from "ioredis";
import { isMessageId, LIMITS } from "../../protocol.ts";
import type { Append, Appended, LogLimits } from "../log.ts";
import { drawNonce } from "../nonce.ts";
import type { Complaints } from "./complaints.ts";
import { classify, describe } from "./errors.ts";
import type { Keys } from "./keys.ts";
import type { Replicas } from "./replicas.ts";
import { ScriptLine } from "./script-line.ts";
import { APPEND } from "./scripts.ts";
import type { ServerClock } from "./server-clock.ts";
import type { Times } from "./times.ts";
import { within } from "./within.ts";

const DAY_MS = 86_400_000;
/** Keys of a person and room in one generation; two are kept. docs/protocol.md promises the last 128. */
const KEYS_PER_GENERATION = 128;
/** Appends under way at once. At 1,000 a second a healthy server has a handful; beyond this it is not one. */
const MAX_PENDING = 10_000;

export interface AppendsListener {
  /** Something about the connection or the server's clock is in doubt. */
  doubted(): void;
  /** This server takes no writes; another one may by now answer to its name. */
  refusedWrites(reason: string): void;
  /** A message is in the room's log. */
  stored(room: string, id: string): void;
  /** The server is out of memory. */
  full(): void;
}

const UNAVAILABLE: Appended = { outcome: "unavailable" };

/** Runs the append script, and turns whatever comes back into one of the outcomes. */
export class Appends {
  readonly #keys: Keys;
  readonly #clock: ServerClock;
  readonly #times: Times;
  readonly #complaints: Complaints;
  readonly #listener: AppendsListener;
  readonly #bounds: readonly number[];
  readonly #script = new ScriptLine(APPEND);
  #pending = 0;

  constructor(
    keys: Keys,
    limits: LogLimits,
    clock: ServerClock,
    times: Times,
    complaints: Complaints,
    listener: AppendsListener,
  ) {
    this.#keys = keys;
    this.#clock = clock;
    this.#times = times;
    this.#complaints = complaints;
    this.#listener = listener;
    this.#bounds = boundsOf(limits);
  }

  /**
   * Never rejects; answers within `Times.commandMs`, with replicas to wait for within `Times.ackMs`. What is
   * not known to be on them is `unavailable`, a repeated key too: until then a failover may lose it.
   */
  async append(writer: Redis, replicas: Replicas | undefined, message: Append): Promise<Appended> {
    if (this.#pending >= MAX_PENDING) return UNAVAILABLE;
    this.#pending += 1;
    const called = performance.now() - (message.waitedMs ?? 0);
    try {
      const appended = await this.#store(writer, message);
      if (appended.outcome === "stored") this.#listener.stored(message.room, appended.id);
      if (replicas === undefined || !("id" in appended)) return appended;
      const left = this.#times.ackMs - (performance.now() - called);
      return (await replicas.have(left)) ? appended : UNAVAILABLE;
    } finally {
      this.#pending -= 1;
    }
  }

  async #store(writer: Redis, { room, user, key, body, waitedMs = 0 }: Append): Promise<Appended> {
    const { commandMs, storeWithinMs } = this.#times;
    if (waitedMs >= storeWithinMs) return UNAVAILABLE;
    try {
      const reply = await within(
        commandMs - waitedMs,
        this.#script.run(
          writer,
          `${room} ${user}`,
          [this.#keys.log(room), this.#keys.youngerKeys(room, user), this.#keys.olderKeys(room, user)],
          [
            this.#keys.channel(room),
            Math.floor(this.#clock.now() + storeWithinMs - waitedMs),
            key ?? "",
            body,
            drawNonce(),
            ...this.#bounds,
          ],
        ),
      );
      return this.#outcomeOf(reply);
    } catch (error) {
      return this.#failed(error);
    }
  }

  #outcomeOf(reply: unknown): Appended {
    const [outcome, value]: readonly unknown[] = Array.isArray(reply) ? reply : [];
    if (
      (outcome === "stored" || outcome === "duplicate") &&
      typeof value === "string" &&
      isMessageId(value)
    ) {
      return { outcome, id: value };
    }
    if (outcome === "rate-limited" && typeof value === "number") return { outcome, retryAfterMs: value };
    if (outcome === "late") {
      // Either it took too long to get there, or the server's clock was set forward: reading it again helps.
      this.#listener.doubted();
      return UNAVAILABLE;
    }
    this.#complaints.add("error", "the append script answered something unknown", { outcome });
    return UNAVAILABLE;
  }

  #failed(error: unknown): Appended {
    switch (classify(error)) {
      case "storage-full":
        this.#listener.full();
        return { outcome: "storage-full" };
      case "not-writable":
        this.#listener.refusedWrites(describe(error));
        return UNAVAILABLE;
      case "unavailable":
        this.#listener.doubted();
        return UNAVAILABLE;
      case "unexpected":
        this.#complaints.add("error", "an append failed for an unknown reason", { reason: describe(error) });
        return UNAVAILABLE;
    }
  }
}

/** ARGV 6 to 13 of append.lua, which are the same for every message. */
function boundsOf(limits: LogLimits): readonly number[] {
  const limited = limits.messagesPerSecond > 0;
  const interval = limited ? 1_000 / limits.messagesPerSecond : 0;
  const credit = interval * Math.max(1, limits.messageBurst);
  return [
    limits.historyMessages,
    Math.ceil(limits.historyDays * DAY_MS),
    limits.historyBytes,
    interval,
    credit,
    LIMITS.keyMs,
    KEYS_PER_GENERATION,
    // The hash holds the credit too, which a slow rate may take longer to restore than keys are remembered.
    Math.ceil(Math.max(LIMITS.keyMs, credit)),
  ];
}
