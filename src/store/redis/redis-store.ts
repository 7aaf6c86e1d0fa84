import { randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import type { Logger } from "../../logging/logger.ts";
import { Complaints } from "../../logging/throttled-logger.ts";
import { BEGINNING } from "../../protocol.ts";
import { looksLikeEntry } from "../entry.ts";
import { Growth } from "../growth.ts";
import { newestFirst } from "../memory/newest-first.ts";
import {
  type Append,
  type Appended,
  type Entry,
  type HandleClaim,
  type LeftHandle,
  type Log,
  type LogLimits,
  type LogListener,
  type LogStatus,
  LogUnavailable,
  type Present,
  type ReadLimit,
  type RoomHead,
  type RoomUser,
} from "../store.ts";
import { within } from "../with-timeout.ts";
import { classify, describe, isRefusedBySetup } from "./errors.ts";
import { Keys } from "./keys.ts";
import { Appends } from "./messages/append.ts";
import { appendScript } from "./messages/append-script.ts";
import { NetworkDigests } from "./messages/network-digests.ts";
import { claimedId, Publications } from "./messages/publications.ts";
import { Reads } from "./messages/reads.ts";
import { Subscriptions } from "./messages/subscriptions.ts";
import { ClientLimit } from "./node/client-limit.ts";
import { RoundTrip, readClock } from "./node/connection-probe.ts";
import type { Link, RedisLogOptions } from "./node/redis-connections.ts";
import { expectSameServer, Replicas } from "./node/replica-acks.ts";
import { loadScripts, type Script, SHARED } from "./node/scripts.ts";
import { ServerClock } from "./node/server-clock.ts";
import { expectPermissions, ServerWatch } from "./node/server-watch.ts";
import { Supervisor } from "./node/supervisor.ts";
import { Lease } from "./presence/lease.ts";
import { Announcements } from "./presence/presence-batcher.ts";
import { People } from "./presence/presence-store.ts";
import { redisAddress } from "./redis-url.ts";
import { Reports } from "./reports.ts";
import { Housekeeping } from "./retention/history-trimmer.ts";
import { RoomIndex } from "./retention/room-index.ts";
import { TIMES, type Times } from "./timeouts.ts";

/** The name under which the secret of `Publications` is stored. */
const PUBLICATIONS = "publications";
/** Hints under way at once; a typing hint that would have to wait is not worth sending. */
const MAX_PENDING_HINTS = 1_000;

/** The log in Redis, shared by all processes. Two connections a process, three where replicas are waited for. */
export class RedisLog implements Log {
  readonly kind = "redis";
  readonly instance: string;
  readonly #keys: Keys;
  readonly #times: Times;
  readonly #complaints: Complaints;
  readonly #clock = new ServerClock();
  readonly #supervisor: Supervisor;
  readonly #subscriptions: Subscriptions;
  readonly #limits: LogLimits;
  readonly #publications: Publications;
  #append: Script;
  readonly #networks: NetworkDigests;
  readonly #appends: Appends;
  readonly #reads: Reads;
  readonly #people: People;
  readonly #announcements: Announcements;
  readonly #lease: Lease;
  readonly #reports: Reports;
  readonly #clientLimit: ClientLimit;
  readonly #server: ServerWatch;
  readonly #index: RoomIndex;
  readonly #housekeeping: Housekeeping;
  readonly #probeChannel: Buffer;
  readonly #minReplicas: number;
  #replicas: Replicas | undefined;
  #listener: LogListener | undefined;
  #roundTrip: RoundTrip | undefined;
  #pendingHints = 0;
  #closing: Promise<void> | undefined;

  /**
   * Throws TypeError for a URL that `redisAddress` does not accept.
   * @param times for tests, which cannot wait for a lease to end by itself.
   */
  constructor(options: RedisLogOptions, limits: LogLimits, logger: Logger, times: Times = TIMES) {
    const address = redisAddress(options.url);
    if (address === undefined) throw new TypeError("The Redis URL is not one that can be connected to.");
    const keys = new Keys(options.prefix, address.database);
    this.instance = options.instance ?? randomBytes(8).toString("hex");
    this.#keys = keys;
    this.#times = times;
    this.#minReplicas = options.minReplicas ?? 0;
    this.#complaints = new Complaints(logger);
    this.#subscriptions = new Subscriptions(keys);
    this.#limits = limits;
    this.#publications = new Publications(keys.shared(PUBLICATIONS));
    this.#append = appendScript(limits, this.#publications.secret, this.#keys.channelName);
    this.#networks = new NetworkDigests(this.#publications.secret);
    const growth = new Growth(limits, () => this.#housekeeping.share);
    const complaints = this.#complaints;
    this.#appends = new Appends(keys, this.#networks, growth, this.#append, this.#clock, times, complaints, {
      doubted: () => this.#roundTrip?.now(),
      refusedWrites: (reason) => this.#loseLink(reason),
      stored: (room, id, bytes, isNew) => {
        this.#index.note(room, id, isNew);
        this.#housekeeping.stored(bytes);
      },
      full: () => this.#housekeeping.full(),
    });
    this.#index = new RoomIndex(keys, limits.historyDays, times.noteRoomsMs, () => {
      void this.#tell((redis) => this.#index.writeNew(redis));
    });
    this.#housekeeping = new Housekeeping(
      keys,
      this.instance,
      this.#index,
      this.#clock,
      times,
      logger,
      this.#complaints,
    );
    this.#reads = new Reads(keys, this.#complaints);
    this.#people = new People(keys, this.instance, times);
    this.#announcements = new Announcements((room, changes) =>
      this.#tell((redis) => this.#people.change(redis, room, changes)),
    );
    this.#lease = new Lease(keys.lease(this.instance), times, this.#complaints);
    this.#reports = new Reports(keys.processes(), this.instance, this.#clock, times);
    this.#clientLimit = new ClientLimit(this.#minReplicas > 0 ? 3 : 2, logger);
    this.#server = new ServerWatch(times.serverCheckMs, logger);
    this.#probeChannel = Buffer.from(keys.probe(this.instance));
    this.#supervisor = new Supervisor(address, options, times, logger, {
      prepare: (link) => this.#prepare(link),
      subscribe: (link) => this.#subscribeAll(link),
      catchUp: () => this.#listener?.catchUp() ?? Promise.resolve(),
      lost: () => this.#lost(),
      received: (channel, payload) => this.#received(channel, payload),
      statusChanged: (status) => this.#listener?.statusChanged(status),
    });
  }

  get warnings(): readonly string[] {
    return this.#server.warnings;
  }

  get status(): LogStatus {
    return this.#supervisor.status;
  }

  start(listener: LogListener): void {
    this.#listener = listener;
    this.#supervisor.start();
  }

  async append(message: Append): Promise<Appended> {
    const { link, status } = this.#supervisor;
    if (link === undefined || status.state !== "live") return { outcome: "unavailable" };
    return this.#appends.append(link.writer, this.#replicas, message);
  }

  readFrom(room: string, from: string, limit: ReadLimit): Promise<Entry[]> {
    return this.#ask((redis) => this.#reads.from(redis, room, from, limit));
  }

  readBefore(room: string, before: string | undefined, limit: ReadLimit): Promise<Entry[]> {
    return this.#ask((redis) => this.#reads.before(redis, room, before, limit));
  }

  heads(rooms: readonly string[]): Promise<string[]> {
    return this.#ask((redis) => this.#reads.heads(redis, rooms));
  }

  recentRooms(count: number): Promise<RoomHead[]> {
    return this.#ask(async (redis) => {
      const rooms = await this.#index.recent(redis, count);
      const heads = await this.#reads.heads(redis, rooms);
      return newestFirst(rooms.map((room, index) => ({ room, head: heads[index] ?? BEGINNING }))).slice(
        0,
        count,
      );
    });
  }

  async subscribe(room: string): Promise<void> {
    const link = this.#usable();
    if (link === undefined) throw this.#unavailable();
    try {
      await this.#subscriptions.add(room, link.subscriber);
    } catch (error) {
      // A subscriber that did not answer cannot be trusted with the rooms it has either; one that may not hear this room can.
      if (isRefusedBySetup(error)) this.#doubt(error);
      else this.#supervisor.lose(link, describe(error));
      throw new LogUnavailable(describe(error));
    }
  }

  async unsubscribe(room: string): Promise<void> {
    const { link } = this.#supervisor;
    try {
      await this.#subscriptions.remove(room, link?.subscriber);
    } catch (error) {
      if (link !== undefined && this.#usable() === link) this.#supervisor.lose(link, describe(error));
    }
  }

  hint(room: string, payload: Buffer): void {
    const link = this.#usable();
    if (link === undefined || this.#pendingHints >= MAX_PENDING_HINTS) return;
    this.#pendingHints += 1;
    link.writer
      .publish(this.#keys.channel(room), payload)
      .catch((error: unknown) => this.#doubt(error))
      .finally(() => {
        this.#pendingHints -= 1;
      });
  }

  enter(room: string, person: RoomUser): Promise<void> {
    return this.#announcements.announce(room, person.id, person);
  }

  exit(room: string, user: string): Promise<void> {
    return this.#announcements.announce(room, user, undefined);
  }

  rollCall(room: string, here: readonly RoomUser[]): Promise<Present[]> {
    return this.#ask((redis) => this.#people.rollCall(redis, room, here));
  }

  settleHandles(
    room: string,
    claims: readonly HandleClaim[],
    left: readonly LeftHandle[],
  ): Promise<readonly string[]> {
    return this.#ask((redis) => this.#people.settleHandles(redis, room, claims, left));
  }

  shared(name: string, proposal: string): Promise<string> {
    const key = this.#keys.shared(name);
    return this.#ask(async (redis) => String(await SHARED.run(redis, [key], [proposal])));
  }

  get roundTripAgeMs(): number | undefined {
    return this.#roundTrip?.ageMs;
  }

  report(text: string): Promise<void> {
    return this.#tell(async (redis) => {
      await this.#reports.write(redis, text);
      await this.#clientLimit.reported(redis, () => this.#reports.count(redis));
    });
  }

  reports(): Promise<string[]> {
    return this.#ask((redis) => this.#reports.read(redis));
  }

  close(): Promise<void> {
    this.#closing ??= this.#supervisor.close(async ({ writer }) => {
      await Promise.all([
        this.#lease.giveUp(writer),
        this.#reports.withdraw(writer),
        this.#index.flush(writer),
      ]);
    });
    return this.#closing;
  }

  /** The link, if subscriptions are in place on it. */
  #usable(): Link | undefined {
    const { link, status } = this.#supervisor;
    return status.state === "live" || status.state === "catching-up" ? link : undefined;
  }

  #unavailable(): LogUnavailable {
    return new LogUnavailable(this.status.reason);
  }

  /** Something that has an answer: within the time of one command, or LogUnavailable. */
  async #ask<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    const link = this.#usable();
    if (link === undefined) throw this.#unavailable();
    try {
      return await within(this.#times.commandMs, work(link.writer));
    } catch (error) {
      this.#doubt(error);
      throw new LogUnavailable(describe(error));
    }
  }

  /** Something that nobody waits for the success of. */
  async #tell(work: (redis: Redis) => Promise<void>): Promise<void> {
    const link = this.#usable();
    if (link === undefined) return;
    try {
      await within(this.#times.commandMs, work(link.writer));
    } catch (error) {
      this.#doubt(error);
    }
  }

  #doubt(error: unknown): void {
    const failure = classify(error);
    if (failure === "not-writable") this.#loseLink(describe(error));
    else if (failure === "unavailable") this.#roundTrip?.now();
    else if (isRefusedBySetup(error)) {
      this.#complaints.add("error", "Redis refuses a command", { event: "refused", reason: describe(error) });
    } else if (failure === "unexpected") {
      this.#complaints.add("error", "a command failed for an unknown reason", { reason: describe(error) });
    }
  }

  #loseLink(reason: string): void {
    const { link } = this.#supervisor;
    if (link !== undefined) this.#supervisor.lose(link, reason);
  }

  async #prepare(link: Link): Promise<void> {
    const { writer, confirmer } = link;
    await this.#server.check(writer);
    await expectPermissions(link, this.#keys);
    await this.#learnSecret(writer);
    await loadScripts(writer, this.#append);
    await Promise.all([readClock(writer, this.#clock), this.#lease.keep(writer)]);
    if (confirmer === undefined) return;
    await expectSameServer(writer, confirmer);
    this.#replicas = new Replicas(
      confirmer,
      this.#minReplicas,
      this.#keys.mark(),
      this.#times,
      this.#complaints,
      { failed: (reason) => this.#supervisor.lose(link, reason) },
    );
  }

  async #subscribeAll(link: Link): Promise<void> {
    const roundTrip = new RoundTrip(link, this.#probeChannel.toString(), this.#clock, this.#times, {
      proved: () => {
        this.#supervisor.proved();
        void this.#tell((redis) => this.#renewSecret(redis));
      },
      failed: (reason) => this.#supervisor.lose(link, reason),
    });
    this.#roundTrip = roundTrip;
    await roundTrip.start();
    await this.#subscriptions.restore(link.subscriber);
    this.#housekeeping.start(link.writer);
    this.#server.keep(link.writer, (reason) => this.#supervisor.lose(link, reason));
  }

  #lost(): void {
    this.#roundTrip?.stop();
    this.#roundTrip = undefined;
    this.#replicas = undefined;
    this.#lease.stop();
    this.#server.stop();
    this.#housekeeping.stop();
  }

  #received(channel: Buffer, payload: Buffer): void {
    if (channel.equals(this.#probeChannel)) {
      this.#roundTrip?.arrived(payload);
      return;
    }
    const room = this.#subscriptions.roomOf(channel);
    if (room === undefined) return;
    if (!looksLikeEntry(payload)) this.#listener?.received(room, payload);
    else this.#receivedEntry(room, payload);
  }

  #receivedEntry(room: string, payload: Buffer): void {
    const frame = this.#publications.verify(payload);
    if (frame !== undefined) {
      this.#listener?.received(room, frame);
      return;
    }
    const fields = { event: "unverified", room };
    this.#complaints.add(
      "warn",
      "the store is read: somebody else, or an older process, publishes here",
      fields,
    );
    const id = claimedId(payload);
    if (id !== undefined) this.#listener?.unverified(room, id);
  }

  /** Publishes with the store's secret from now on. Without it each message is read from the store by every process. */
  async #learnSecret(redis: Redis): Promise<boolean> {
    try {
      if (!(await this.#publications.learn(redis))) return false;
      this.#append = appendScript(this.#limits, this.#publications.secret, this.#keys.channelName);
      this.#appends.use(this.#append);
      this.#networks.use(this.#publications.secret);
      return true;
    } catch (error) {
      // Somebody else's key has its name, or this user may not read it.
      if (classify(error) !== "unexpected") throw error;
      const fields = { event: "publications", reason: describe(error) };
      this.#complaints.add(
        "error",
        "the secret of the publications cannot be read: every message is read from the store",
        fields,
      );
      return false;
    }
  }

  async #renewSecret(redis: Redis): Promise<void> {
    if (await this.#learnSecret(redis)) await redis.script("LOAD", this.#append.body);
  }
}
