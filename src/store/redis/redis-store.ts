import { randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import type { Logger } from "../../logging/logger.ts";
import { ThrottledLogger } from "../../logging/throttled-logger.ts";
import { BEGINNING } from "../../protocol/ids.ts";
import type { AccessChange, AccessOutcome, AccessRule, Grant } from "../access.ts";
import { looksLikeEntry } from "../entry.ts";
import { ACCESS_FEATURE, FEATURES } from "../features.ts";
import { newestFirst } from "../memory/newest-first.ts";
import type { MessageReport, NewReport, ReportOutcome } from "../message-reports.ts";
import { Quotas } from "../quotas.ts";
import {
  type Append,
  type Appended,
  type Entry,
  type HandleClaim,
  type LeftHandle,
  type MessageStore,
  type PresenceSnapshot,
  type ReadLimit,
  type RoomHead,
  type RoomSubscriber,
  type RoomUser,
  type StoreLimits,
  type StoreListener,
  type StoreStatus,
  StoreUnavailable,
} from "../store.ts";
import { withTimeout } from "../with-timeout.ts";
import { classify, describe, isRefusedBySetup } from "./errors.ts";
import { Keys } from "./keys.ts";
import { AccessRules } from "./messages/access-rules.ts";
import { Appends } from "./messages/append.ts";
import { Grants } from "./messages/grants.ts";
import { MessageReports } from "./messages/message-reports.ts";
import { claimedId } from "./messages/publications.ts";
import { Reads } from "./messages/reads.ts";
import { Signing } from "./messages/signing.ts";
import { type Subscription, Subscriptions } from "./messages/subscriptions.ts";
import { ClientLimit } from "./node/client-limit.ts";
import { ConnectionProbe, readClock } from "./node/connection-probe.ts";
import { FeatureFence } from "./node/feature-fence.ts";
import type { RedisConnections, RedisStoreOptions } from "./node/redis-connections.ts";
import { expectSameServer, ReplicaAcks } from "./node/replica-acks.ts";
import { loadScripts, SHARED } from "./node/scripts.ts";
import { ServerClock } from "./node/server-clock.ts";
import { expectPermissions, ServerWatch } from "./node/server-watch.ts";
import { Supervisor } from "./node/supervisor.ts";
import { UnusableServer } from "./node/unusable-server.ts";
import { Lease } from "./presence/lease.ts";
import { PresenceBatcher } from "./presence/presence-batcher.ts";
import { PresenceStore } from "./presence/presence-store.ts";
import { ProcessReports } from "./process-reports.ts";
import { redisAddress } from "./redis-url.ts";
import { HistoryTrimmer } from "./retention/history-trimmer.ts";
import { RoomIndex } from "./retention/room-index.ts";
import { TIMEOUTS, type Timeouts } from "./timeouts.ts";

/** Pending ephemeral events at most; a typing event that would have to wait is dropped. */
const MAX_PENDING_HINTS = 1_000;

/**
 * The store in Redis, shared by all processes. Two connections per process, three if replicas are awaited.
 */
export class RedisStore implements MessageStore {
  readonly kind = "redis";
  readonly instance: string;
  readonly #keys: Keys;
  readonly #timeouts: Timeouts;
  readonly #throttled: ThrottledLogger;
  readonly #clock = new ServerClock();
  readonly #supervisor: Supervisor;
  readonly #subscriptions: Subscriptions;
  readonly #signing: Signing;
  readonly #appends: Appends;
  readonly #reads: Reads;
  readonly #access: AccessRules;
  readonly #grants: Grants;
  readonly #presence: PresenceStore;
  readonly #batcher: PresenceBatcher;
  readonly #lease: Lease;
  readonly #processReports: ProcessReports;
  readonly #messageReports: MessageReports;
  readonly #fence: FeatureFence;
  readonly #clientLimit: ClientLimit;
  readonly #server: ServerWatch;
  readonly #index: RoomIndex;
  readonly #trimmer: HistoryTrimmer;
  readonly #probeChannel: Buffer;
  readonly #minReplicas: number;
  #replicaAcks: ReplicaAcks | undefined;
  #listener: StoreListener | undefined;
  #probe: ConnectionProbe | undefined;
  #pendingHints = 0;
  #closing: Promise<void> | undefined;

  /**
   * Throws a TypeError for a URL that `redisAddress` does not accept.
   * @param timeouts for tests, which cannot wait for a lease to expire.
   */
  constructor(
    options: RedisStoreOptions,
    limits: StoreLimits,
    logger: Logger,
    timeouts: Timeouts = TIMEOUTS,
  ) {
    const address = redisAddress(options.url);
    if (address === undefined) throw new TypeError("Invalid Redis URL.");
    const keys = new Keys(options.prefix, address.database);
    this.instance = options.instance ?? randomBytes(8).toString("hex");
    this.#keys = keys;
    this.#timeouts = timeouts;
    this.#minReplicas = options.minReplicas ?? 0;
    this.#throttled = new ThrottledLogger(logger);
    this.#subscriptions = new Subscriptions(keys);
    this.#signing = new Signing(keys, limits, this.#throttled, (script) => this.#appends.use(script));
    const quotas = new Quotas(limits, () => this.#trimmer.share);
    const throttled = this.#throttled;
    this.#appends = new Appends(
      keys,
      this.#signing.networks,
      quotas,
      this.#signing.script,
      this.#clock,
      timeouts,
      throttled,
      {
        doubted: () => this.#probe?.now(),
        refusedWrites: (reason) => this.#loseLink(reason),
        stored: (room, id, bytes, isNew) => {
          this.#index.note(room, id, isNew);
          this.#trimmer.stored(bytes);
        },
        full: () => this.#trimmer.full(),
      },
    );
    this.#index = new RoomIndex(keys, limits.historyDays, timeouts.noteRoomsMs, () => {
      void this.#tell((redis) => this.#index.writeNew(redis));
    });
    this.#trimmer = new HistoryTrimmer(
      keys,
      this.instance,
      this.#index,
      this.#clock,
      timeouts,
      logger,
      this.#throttled,
    );
    this.#reads = new Reads(keys, this.#throttled);
    this.#grants = new Grants(keys, this.#clock);
    this.#access = new AccessRules(keys, this.#clock, timeouts, this.#throttled);
    this.#presence = new PresenceStore(keys, this.instance, timeouts);
    this.#batcher = new PresenceBatcher((room, changes) =>
      this.#tell((redis) => this.#presence.change(redis, room, changes)),
    );
    this.#lease = new Lease(keys.lease(this.instance), timeouts, this.#throttled);
    this.#processReports = new ProcessReports(keys.processes(), this.instance, this.#clock, timeouts);
    this.#messageReports = new MessageReports(keys, this.#signing.networks, this.#clock, this.#throttled);
    this.#fence = new FeatureFence(keys, this.instance, options.features ?? FEATURES, timeouts);
    this.#clientLimit = new ClientLimit(this.#minReplicas > 0 ? 3 : 2, logger);
    this.#server = new ServerWatch(timeouts.serverCheckMs, logger);
    this.#probeChannel = Buffer.from(keys.probe(this.instance));
    this.#supervisor = new Supervisor(address, options, timeouts, logger, {
      prepare: (connections) => this.#prepare(connections),
      subscribe: (connections) => this.#subscribeAll(connections),
      catchUp: () => this.#listener?.catchUp() ?? Promise.resolve(),
      lost: () => this.#lost(),
      onData: (channel, payload) => this.#onData(channel, payload),
      statusChanged: (status) => this.#listener?.statusChanged(status),
    });
  }

  get warnings(): readonly string[] {
    return this.#server.warnings;
  }

  get status(): StoreStatus {
    return this.#supervisor.status;
  }

  start(listener: StoreListener): void {
    this.#listener = listener;
    this.#supervisor.start();
  }

  async append(message: Append): Promise<Appended> {
    const { connections, status } = this.#supervisor;
    if (connections === undefined || status.state !== "live") return { outcome: "unavailable" };
    return this.#appends.append(connections.writer, this.#replicaAcks, message);
  }

  now(): number {
    return this.#clock.isKnown ? this.#clock.now() : 0;
  }

  async changeAccess(room: string, change: AccessChange): Promise<AccessOutcome> {
    const called = performance.now();
    try {
      await this.require(ACCESS_FEATURE);
      const { accessScript } = this.#signing;
      const stored = await this.#ask((redis) =>
        this.#access.change(redis, accessScript, room, change, this.#grants.keyOf(room)),
      );
      return (await this.#isKept(stored, called)) ? stored : { outcome: "unavailable" };
    } catch (error) {
      if (error instanceof StoreUnavailable) return { outcome: "unavailable" };
      throw error;
    }
  }

  accessRules(room: string): Promise<readonly AccessRule[]> {
    return this.#ask((redis) => this.#access.read(redis, room));
  }

  accessRulesOf(room: string, subjects: readonly string[]): Promise<readonly (AccessRule | undefined)[]> {
    return this.#ask((redis) => this.#access.of(redis, room, subjects));
  }

  grant(room: string, grants: ReadonlyMap<string, Grant>): Promise<void> {
    return this.#tell((redis) => this.#grants.write(redis, room, grants));
  }

  grantOf(room: string, user: string): Promise<Grant | undefined> {
    return this.#ask((redis) => this.#grants.of(redis, room, user));
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

  async subscribe(room: string, subscriber: RoomSubscriber): Promise<void> {
    const connections = this.#usable();
    if (connections === undefined) throw this.#unavailable();
    try {
      await this.#subscriptions.add({ room, subscriber }, connections.subscriber);
    } catch (error) {
      // A subscriber that did not answer may have lost other rooms too, unless it only lacks the permission
      // for this one.
      if (isRefusedBySetup(error)) this.#doubt(error);
      else this.#supervisor.lose(connections, describe(error));
      throw new StoreUnavailable(describe(error));
    }
  }

  async unsubscribe(room: string): Promise<void> {
    const { connections } = this.#supervisor;
    try {
      await this.#subscriptions.remove(room, connections?.subscriber);
    } catch (error) {
      if (connections !== undefined && this.#usable() === connections)
        this.#supervisor.lose(connections, describe(error));
    }
  }

  publishEphemeral(room: string, payload: Buffer): void {
    const connections = this.#usable();
    if (connections === undefined || this.#pendingHints >= MAX_PENDING_HINTS) return;
    this.#pendingHints += 1;
    connections.writer
      .publish(this.#keys.channel(room), payload)
      .catch((error: unknown) => this.#doubt(error))
      .finally(() => {
        this.#pendingHints -= 1;
      });
  }

  enter(room: string, person: RoomUser): Promise<void> {
    return this.#batcher.announce(room, person.id, person);
  }

  exit(room: string, user: string): Promise<void> {
    return this.#batcher.announce(room, user, undefined);
  }

  syncPresence(room: string, here: readonly RoomUser[]): Promise<PresenceSnapshot[]> {
    return this.#ask((redis) => this.#presence.syncPresence(redis, room, here));
  }

  settleHandles(
    room: string,
    claims: readonly HandleClaim[],
    left: readonly LeftHandle[],
  ): Promise<readonly string[]> {
    return this.#ask((redis) => this.#presence.settleHandles(redis, room, claims, left));
  }

  shared(name: string, proposal: string): Promise<string> {
    const key = this.#keys.shared(name);
    return this.#ask(async (redis) => String(await SHARED.run(redis, [key], [proposal])));
  }

  get roundTripAgeMs(): number | undefined {
    return this.#probe?.ageMs;
  }

  reportProcess(text: string): Promise<void> {
    return this.#tell(async (redis) => {
      await this.#processReports.write(redis, text);
      await this.#clientLimit.reported(redis, () => this.#processReports.count(redis));
    });
  }

  processReports(): Promise<string[]> {
    return this.#ask((redis) => this.#processReports.read(redis));
  }

  async addReport(report: NewReport, network: string | undefined): Promise<ReportOutcome> {
    const called = performance.now();
    try {
      const added = await this.#ask((redis) => this.#messageReports.add(redis, report, network));
      return (await this.#isKept(added, called)) ? added : { outcome: "unavailable" };
    } catch (error) {
      if (error instanceof StoreUnavailable) return { outcome: "unavailable" };
      throw error;
    }
  }

  messageReports(before: string | undefined, count: number): Promise<readonly MessageReport[]> {
    return this.#ask((redis) => this.#messageReports.before(redis, before, count));
  }

  messageReport(id: string): Promise<MessageReport | undefined> {
    return this.#ask((redis) => this.#messageReports.of(redis, id));
  }

  dismissReport(id: string): Promise<boolean> {
    return this.#ask((redis) => this.#messageReports.dismiss(redis, id));
  }

  async require(feature: string): Promise<void> {
    const ignorant = await this.#ask((redis) => this.#fence.require(redis, feature));
    if (ignorant.length === 0) return;
    const fields = { event: "fenced", feature, instances: ignorant.slice(0, 10) };
    this.#throttled.log("warn", "processes of a release without this feature are still running", fields);
    throw new StoreUnavailable(`processes without ${feature} are still running`);
  }

  close(): Promise<void> {
    this.#closing ??= this.#supervisor.close(async ({ writer }) => {
      await Promise.all([
        this.#lease.giveUp(writer),
        this.#processReports.withdraw(writer),
        this.#fence.withdraw(writer),
        this.#index.flush(writer),
      ]);
    });
    return this.#closing;
  }

  /**
   * Returns whether what has an id is on as many replicas as are wanted; waits for that, if any are.
   * @param called when the call began, as performance.now() told it.
   */
  async #isKept(done: object, called: number): Promise<boolean> {
    if (this.#replicaAcks === undefined || !("id" in done)) return true;
    return this.#replicaAcks.wait(this.#timeouts.ackMs - (performance.now() - called));
  }

  /** Returns the connections, if subscriptions are in place. */
  #usable(): RedisConnections | undefined {
    const { connections, status } = this.#supervisor;
    return status.state === "live" || status.state === "catching-up" ? connections : undefined;
  }

  #unavailable(): StoreUnavailable {
    return new StoreUnavailable(this.status.reason);
  }

  /** Runs a command with an answer. Rejects with StoreUnavailable if it takes longer than one command may. */
  async #ask<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    const connections = this.#usable();
    if (connections === undefined) throw this.#unavailable();
    try {
      return await withTimeout(this.#timeouts.commandMs, work(connections.writer));
    } catch (error) {
      this.#doubt(error);
      throw new StoreUnavailable(describe(error));
    }
  }

  /** Runs a command whose success is not awaited. */
  async #tell(work: (redis: Redis) => Promise<void>): Promise<void> {
    const connections = this.#usable();
    if (connections === undefined) return;
    try {
      await withTimeout(this.#timeouts.commandMs, work(connections.writer));
    } catch (error) {
      this.#doubt(error);
    }
  }

  #doubt(error: unknown): void {
    if (error instanceof UnusableServer) {
      this.#loseLink(error.message);
      return;
    }
    const failure = classify(error);
    if (failure === "not-writable") this.#loseLink(describe(error));
    else if (failure === "unavailable") this.#probe?.now();
    else if (isRefusedBySetup(error)) {
      this.#throttled.log("error", "Redis refuses a command", { event: "refused", reason: describe(error) });
    } else if (failure === "unexpected") {
      this.#throttled.log("error", "a command failed unexpectedly", { reason: describe(error) });
    }
  }

  #loseLink(reason: string): void {
    const { connections } = this.#supervisor;
    if (connections !== undefined) this.#supervisor.lose(connections, reason);
  }

  async #prepare(connections: RedisConnections): Promise<void> {
    const { writer, confirmer } = connections;
    await this.#server.check(writer);
    await expectPermissions(connections, this.#keys);
    await this.#signing.learn(writer);
    await loadScripts(writer, this.#signing.script);
    await Promise.all([readClock(writer, this.#clock), this.#lease.start(writer), this.#fence.check(writer)]);
    if (confirmer === undefined) return;
    await expectSameServer(writer, confirmer);
    this.#replicaAcks = new ReplicaAcks(
      confirmer,
      this.#minReplicas,
      this.#keys.mark(),
      this.#timeouts,
      this.#throttled,
      { failed: (reason) => this.#supervisor.lose(connections, reason) },
    );
  }

  async #subscribeAll(connections: RedisConnections): Promise<void> {
    const probe = new ConnectionProbe(
      connections,
      this.#probeChannel.toString(),
      this.#clock,
      this.#timeouts,
      {
        proved: () => {
          this.#supervisor.proved();
          void this.#tell((redis) => this.#signing.renew(redis));
          void this.#tell((redis) => this.#fence.check(redis));
        },
        failed: (reason) => this.#supervisor.lose(connections, reason),
      },
    );
    this.#probe = probe;
    await probe.start();
    await this.#subscriptions.restore(connections.subscriber);
    this.#trimmer.start(connections.writer);
    this.#server.start(connections.writer, (reason) => this.#supervisor.lose(connections, reason));
  }

  #lost(): void {
    this.#probe?.stop();
    this.#probe = undefined;
    this.#replicaAcks = undefined;
    this.#lease.stop();
    this.#server.stop();
    this.#trimmer.stop();
  }

  #onData(channel: Buffer, payload: Buffer): void {
    if (channel.equals(this.#probeChannel)) {
      this.#probe?.arrived(payload);
      return;
    }
    const subscription = this.#subscriptions.of(channel);
    if (subscription === undefined) return;
    if (!looksLikeEntry(payload)) subscription.subscriber.onPublication(payload);
    else this.#onEntry(subscription, payload);
  }

  #onEntry({ room, subscriber }: Subscription, payload: Buffer): void {
    const frame = this.#signing.publications.verify(payload);
    if (frame !== undefined) {
      subscriber.onPublication(frame);
      return;
    }
    const change = this.#signing.publications.verifyAccess(payload);
    if (change !== undefined) {
      subscriber.onPublication(change.frame, change.access);
      return;
    }
    const fields = { event: "unverified", room };
    this.#throttled.log(
      "warn",
      "unverified publication, reading the store: another client or an older process publishes here",
      fields,
    );
    const id = claimedId(payload);
    if (id !== undefined) subscriber.onUnverified(id);
  }
}
