import { setImmediate as nextTick } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { ThrottledLogger } from "../../../logging/throttled-logger.ts";
import { isMessageId } from "../../../protocol/ids.ts";
import { isRight } from "../../../protocol/rights.ts";
import type { Made, QuotaGrant, Quotas } from "../../quotas.ts";
import { randomIncrement } from "../../random-increment.ts";
import {
  type Append,
  type Appended,
  isMessageLimit,
  type RequestedHandle,
  StoreUnavailable,
} from "../../store.ts";
import { Deadlines } from "../../with-timeout.ts";
import { classify, describe, isReply } from "../errors.ts";
import type { Keys } from "../keys.ts";
import type { ReplicaAcks } from "../node/replica-acks.ts";
import type { Script } from "../node/scripts.ts";
import type { ServerClock } from "../node/server-clock.ts";
import { claimArgument } from "../presence/requested-handles.ts";
import type { Timeouts } from "../timeouts.ts";
import type { NetworkDigests } from "./network-digests.ts";

/** Pending appends at most. At 1,000 per second a healthy server has a handful. */
const MAX_PENDING = 10_000;

export interface AppendsListener {
  /** Called when the connection or the server's clock may be faulty. */
  doubted(): void;
  /** Called when this server refuses writes; its name may lead to another server by now. */
  refusedWrites(reason: string): void;
  /**
   * Called when a message was stored, with its approximate bytes. `isNew`: it is the first of the room, and a
   * guest's.
   */
  stored(room: string, id: string, bytes: number, isNew: boolean): void;
  /** Called when the server is out of memory. */
  full(): void;
}

const UNAVAILABLE: Appended = { outcome: "unavailable" };

const MADE = { writer: 1, room: 2 } as const;
/** Approximate bytes of these in Redis. */
const BYTES = { writer: 700, room: 1_700 } as const;

/** Runs the append script, and turns each reply or error into one of the outcomes. */
export class Appends {
  readonly #keys: Keys;
  readonly #clock: ServerClock;
  readonly #timeouts: Timeouts;
  readonly #throttled: ThrottledLogger;
  readonly #quotas: Quotas;
  readonly #listener: AppendsListener;
  readonly #script: OrderedScript;
  readonly #networks: NetworkDigests;
  readonly #deadlines = new Deadlines();
  #pending = 0;

  constructor(
    keys: Keys,
    networks: NetworkDigests,
    quotas: Quotas,
    script: Script,
    clock: ServerClock,
    timeouts: Timeouts,
    throttled: ThrottledLogger,
    listener: AppendsListener,
  ) {
    this.#keys = keys;
    this.#networks = networks;
    this.#clock = clock;
    this.#timeouts = timeouts;
    this.#throttled = throttled;
    this.#quotas = quotas;
    this.#listener = listener;
    this.#script = new OrderedScript(script);
  }

  /** Changes the script, because the store's secret has changed. */
  use(script: Script): void {
    this.#script.replace(script);
  }

  /**
   * Stores a message. Never rejects; answers within `Timeouts.commandMs`, or with replicas within
   * `Timeouts.ackMs`. A message that is not known to be on the replicas is `unavailable`, also with a
   * repeated key, because a failover may lose it.
   */
  async append(writer: Redis, replicaAcks: ReplicaAcks | undefined, message: Append): Promise<Appended> {
    if (this.#pending >= MAX_PENDING) return UNAVAILABLE;
    this.#pending += 1;
    const now = performance.now();
    const called = now - (message.waitedMs ?? 0);
    try {
      const appended = await this.#store(writer, message, now);
      if (replicaAcks === undefined || !("id" in appended)) return appended;
      const left = this.#timeouts.ackMs - (performance.now() - called);
      return (await replicaAcks.wait(left)) ? appended : UNAVAILABLE;
    } finally {
      this.#pending -= 1;
    }
  }

  async #store(writer: Redis, message: Append, now: number): Promise<Appended> {
    if ((message.waitedMs ?? 0) >= this.#timeouts.storeWithinMs) return UNAVAILABLE;
    const grant = this.#quotas.grant(message, now);
    if (grant.message !== undefined) return grant.message;
    let made: Made | undefined;
    try {
      const reply = await this.#run(writer, message, grant);
      const appended = this.#outcomeOf(reply, grant, message.requested);
      if (appended.outcome === "stored") {
        made = madeBy(reply);
        const isNew = made.room && message.guest !== undefined;
        const besides = (made.room ? BYTES.room : 0) + (made.writer ? BYTES.writer : 0);
        this.#listener.stored(message.room, appended.id, message.body.length + besides, isNew);
      }
      return appended;
    } catch (error) {
      return this.#failed(error);
    } finally {
      grant.settle(made);
    }
  }

  #run(writer: Redis, message: Append, grant: QuotaGrant): Promise<unknown> {
    const { room, user, key, body, waitedMs = 0 } = message;
    const { commandMs, storeWithinMs } = this.#timeouts;
    // Each argument costs about half a microsecond here, so constants are in the script.
    return this.#deadlines.within(
      commandMs - waitedMs,
      this.#script.run(writer, `${room} ${user}`, this.#keysOf(message), [
        Math.floor(this.#clock.now() + storeWithinMs - waitedMs),
        key ?? "",
        body,
        randomIncrement(),
        claimOf(message),
        ...notesOf(message, grant),
      ]),
    );
  }

  #keysOf({ room, user, guest }: Append): readonly string[] {
    const keys = this.#keys;
    const sender = [keys.youngerKeys(room, user), keys.olderKeys(room, user)];
    const own = [keys.log(room), ...sender, keys.handles(room), keys.access(room)];
    if (guest === undefined) return own;
    return [...own, keys.guests(room), keys.address(this.#networks.digest(guest.network))];
  }

  #outcomeOf(reply: unknown, grant: QuotaGrant, requested: RequestedHandle | undefined): Appended {
    const [outcome, value, detail, number]: readonly unknown[] = Array.isArray(reply) ? reply : [];
    if (
      (outcome === "stored" || outcome === "duplicate") &&
      typeof value === "string" &&
      isMessageId(value)
    ) {
      if (outcome === "duplicate" || requested === undefined || typeof number !== "string")
        return { outcome, id: value };
      return { outcome, id: value, handle: `${requested.stem.handle} ${number}` };
    }
    if (outcome === "rate-limited" && typeof value === "number" && isMessageLimit(detail)) {
      return { outcome, limit: detail, retryAfterMs: value };
    }
    if (outcome === "forbidden" && isRight(value)) return { outcome, right: value };
    if (outcome === "no-room" && grant.room !== undefined) return grant.room;
    if (outcome === "no-writer" && grant.writer !== undefined) return grant.writer;
    if (outcome === "late") {
      // Either it took too long to arrive, or the server's clock was set forward, so the clock is read again.
      this.#listener.doubted();
      return UNAVAILABLE;
    }
    this.#throttled.log("error", "unknown answer of the append script", { outcome });
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
        this.#throttled.log("error", "an append failed unexpectedly", { reason: describe(error) });
        return UNAVAILABLE;
    }
  }
}

/**
 * Returns the script's last argument: what it must not create, and who the sender is; none if there is
 * nothing to say.
 */
function notesOf({ guest, mayModerate }: Append, { room, writer }: QuotaGrant): readonly string[] {
  const letters = `${room === undefined ? "" : "r"}${writer === undefined ? "" : "w"}${mayModerate === true ? "m" : ""}`;
  const notes = letters + (guest?.subject ?? "");
  return notes === "" ? [] : [notes];
}

/** Returns what a stored message created, by the script's answer. */
function madeBy(reply: unknown): Made {
  const made = Array.isArray(reply) ? Number(reply[2]) : 0;
  return { writer: (made & MADE.writer) !== 0, room: (made & MADE.room) !== 0 };
}

/** Returns the claim of a handle as an argument; '' if the handle is not checked. */
function claimOf({ user, guest, requested }: Append): string {
  return requested === undefined ? "" : claimArgument({ user, isGuest: guest !== undefined, requested });
}

/** A reload of the script, because the server did not know it. */
interface Reload {
  /** Senders of whom a run was carried out although an earlier one was not. */
  readonly overtook: Set<string>;
  /** Fulfils when the server knows the script, and all runs that were pending before have been answered. */
  readonly loaded: Promise<unknown>;
  /** Fulfils when the refused runs have been sent again, and new runs may follow. Never rejects. */
  readonly over: Promise<void>;
}

/**
 * Runs one script for many senders whose runs need not wait for each other, and keeps each sender's order
 * even if the server forgets the script meanwhile (scripts were flushed, or a failover changed the server).
 * Then new runs wait, and refused ones are sent again in their order. All runs use one connection, which
 * answers in order.
 */
export class OrderedScript {
  #script: Script;
  #reload: Reload | undefined;

  constructor(script: Script) {
    this.#script = script;
  }

  /** Changes to another script that does the same; refused runs are sent again with it. */
  replace(script: Script): void {
    this.#script = script;
  }

  /**
   * Runs the script. Rejects as the command does; with StoreUnavailable if another process loaded the script
   * just then, so that a later run of the same sender was carried out before this one.
   */
  async run(
    redis: Redis,
    sender: string,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    while (this.#reload !== undefined) await this.#reload.over;
    try {
      const reply = await redis.evalsha(this.#script.sha, keys.length, ...keys, ...args);
      this.#carriedOut(sender);
      return reply;
    } catch (error) {
      if (!isReply(error) || !error.message.startsWith("NOSCRIPT")) throw error;
    }
    this.#reload ??= this.#load(redis);
    const { loaded, overtook } = this.#reload;
    await loaded;
    if (overtook.has(sender)) throw new StoreUnavailable("a later message was stored first");
    // With the whole body, because the server may have forgotten it again.
    return redis.eval(this.#script.body, keys.length, ...keys, ...args);
  }

  #carriedOut(sender: string): void {
    this.#reload?.overtook.add(sender);
  }

  #load(redis: Redis): Reload {
    const loaded = redis.script("LOAD", this.#script.body);
    const over = loaded
      .catch(() => undefined)
      // Runs that waited for `loaded` are sent in the tick in which it fulfils.
      .then(() => nextTick())
      .then(() => {
        this.#reload = undefined;
      });
    return { overtook: new Set(), loaded, over };
  }
}
