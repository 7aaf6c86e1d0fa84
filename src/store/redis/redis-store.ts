import { randomBytes } from "node:crypto";
import type { Logger } from "../../logging/logger.ts";
import { ThrottledLogger } from "../../logging/throttled-logger.ts";
import { type AccessChange, type AccessOutcome, type AccessRule, ALL_ROOMS, type Grant } from "../access.ts";
import { ACCESS_FEATURE, FEATURES, GLOBAL_ACCESS_FEATURE } from "../features.ts";
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
import { Keys } from "./keys.ts";
import { AccessRules } from "./messages/access-rules.ts";
import { Appends } from "./messages/append.ts";
import { Grants } from "./messages/grants.ts";
import { Incoming } from "./messages/incoming.ts";
import { MessageReports } from "./messages/message-reports.ts";
import { Reads } from "./messages/reads.ts";
import { Signing } from "./messages/signing.ts";
import { Subscriptions } from "./messages/subscriptions.ts";
import { ClientLimit } from "./node/client-limit.ts";
import { Commands } from "./node/commands.ts";
import { ConnectionProbe, readClock } from "./node/connection-probe.ts";
import { FeatureFence } from "./node/feature-fence.ts";
import type { RedisConnections, RedisStoreOptions } from "./node/redis-connections.ts";
import { expectSameServer, ReplicaAcks } from "./node/replica-acks.ts";
import { loadScripts, SHARED } from "./node/scripts.ts";
import { ServerClock } from "./node/server-clock.ts";
import { expectPermissions, ServerWatch } from "./node/server-watch.ts";
import { Supervisor } from "./node/supervisor.ts";
import { Lease } from "./presence/lease.ts";
import { PresenceBatcher } from "./presence/presence-batcher.ts";
import { PresenceStore } from "./presence/presence-store.ts";
import { ProcessReports } from "./process-reports.ts";
import { redisAddress } from "./redis-url.ts";
import { HistoryTrimmer } from "./retention/history-trimmer.ts";
import { RoomIndex } from "./retention/room-index.ts";
import { TIMEOUTS, type Timeouts } from "./timeouts.ts";

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
  readonly #commands: Commands;
  readonly #incoming: Incoming;
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
    const throttled = new ThrottledLogger(logger);
    this.#throttled = throttled;
    this.#commands = new Commands(timeouts, throttled, {
      supervisor: () => this.#supervisor,
      doubted: () => this.#probe?.now(),
    });
    this.#subscriptions = new Subscriptions(keys, this.#commands);
    this.#signing = new Signing(keys, limits, throttled, (script) => this.#appends.use(script));
    this.#incoming = new Incoming(this.#subscriptions, this.#signing, throttled);
    const quotas = new Quotas(limits, () => this.#trimmer.share);
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
        refusedWrites: (reason) => this.#commands.lose(reason),
        stored: (room, id, bytes, isNew) => {
          this.#index.note(room, id, isNew);
          this.#trimmer.stored(bytes);
        },
        full: () => this.#trimmer.full(),
      },
    );
    this.#index = new RoomIndex(keys, limits.historyDays, timeouts.noteRoomsMs, () => {
      void this.#commands.tell((redis) => this.#index.writeNew(redis));
    });
    this.#trimmer = new HistoryTrimmer(
      keys,
      this.instance,
      this.#index,
      this.#clock,
      timeouts,
      logger,
      throttled,
    );
    this.#reads = new Reads(keys, throttled);
    this.#grants = new Grants(keys, this.#clock);
    this.#access = new AccessRules(keys, this.#clock, timeouts, throttled);
    this.#presence = new PresenceStore(keys, this.instance, timeouts);
    this.#batcher = new PresenceBatcher((room, changes) =>
      this.#commands.tell((redis) => this.#presence.change(redis, room, changes)),
    );
    this.#lease = new Lease(keys.lease(this.instance), timeouts, throttled);
    this.#processReports = new ProcessReports(keys.processes(), this.instance, this.#clock, timeouts);
    this.#messageReports = new MessageReports(keys, this.#signing.networks, this.#clock, throttled);
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
      await this.require(room === ALL_ROOMS ? GLOBAL_ACCESS_FEATURE : ACCESS_FEATURE);
      const { accessScript } = this.#signing;
      const stored = await this.#commands.ask((redis) =>
        this.#access.change(redis, accessScript, room, change, this.#grants.keyOf(room)),
      );
      return (await this.#isKept(stored, called)) ? stored : { outcome: "unavailable" };
    } catch (error) {
      if (error instanceof StoreUnavailable) return { outcome: "unavailable" };
      throw error;
    }
  }

  accessRules(room: string): Promise<readonly AccessRule[]> {
    return this.#commands.ask((redis) => this.#access.read(redis, room));
  }

  accessRulesOf(room: string, subjects: readonly string[]): Promise<readonly (AccessRule | undefined)[]> {
    return this.#commands.ask((redis) => this.#access.of(redis, room, subjects));
  }

  grant(room: string, grants: ReadonlyMap<string, Grant>): Promise<void> {
    return this.#commands.tell((redis) => this.#grants.write(redis, room, grants));
  }

  grantOf(room: string, user: string): Promise<Grant | undefined> {
    return this.#commands.ask((redis) => this.#grants.of(redis, room, user));
  }

  readFrom(room: string, from: string, limit: ReadLimit): Promise<Entry[]> {
    return this.#commands.ask((redis) => this.#reads.from(redis, room, from, limit));
  }

  readBefore(room: string, before: string | undefined, limit: ReadLimit): Promise<Entry[]> {
    return this.#commands.ask((redis) => this.#reads.before(redis, room, before, limit));
  }

  heads(rooms: readonly string[]): Promise<string[]> {
    return this.#commands.ask((redis) => this.#reads.heads(redis, rooms));
  }

  recentRooms(count: number): Promise<RoomHead[]> {
    return this.#commands.ask(async (redis) =>
      this.#reads.newest(redis, await this.#index.recent(redis, count), count),
    );
  }

  subscribe(room: string, subscriber: RoomSubscriber): Promise<void> {
    return this.#subscriptions.subscribe({ room, subscriber });
  }

  unsubscribe(room: string): Promise<void> {
    return this.#subscriptions.unsubscribe(room);
  }

  publishEphemeral(room: string, payload: Buffer): void {
    this.#subscriptions.publish(room, payload);
  }

  enter(room: string, person: RoomUser): Promise<void> {
    return this.#batcher.announce(room, person.id, person);
  }

  exit(room: string, user: string): Promise<void> {
    return this.#batcher.announce(room, user, undefined);
  }

  syncPresence(room: string, here: readonly RoomUser[]): Promise<PresenceSnapshot[]> {
    return this.#commands.ask((redis) => this.#presence.syncPresence(redis, room, here));
  }

  settleHandles(
    room: string,
    claims: readonly HandleClaim[],
    left: readonly LeftHandle[],
  ): Promise<readonly string[]> {
    return this.#commands.ask((redis) => this.#presence.settleHandles(redis, room, claims, left));
  }

  shared(name: string, proposal: string): Promise<string> {
    const key = this.#keys.shared(name);
    return this.#commands.ask(async (redis) => String(await SHARED.run(redis, [key], [proposal])));
  }

  get roundTripAgeMs(): number | undefined {
    return this.#probe?.ageMs;
  }

  reportProcess(text: string): Promise<void> {
    return this.#commands.tell(async (redis) => {
      await this.#processReports.write(redis, text);
      await this.#clientLimit.reported(redis, () => this.#processReports.count(redis));
    });
  }

  processReports(): Promise<string[]> {
    return this.#commands.ask((redis) => this.#processReports.read(redis));
  }

  async addReport(report: NewReport, network: string | undefined): Promise<ReportOutcome> {
    const called = performance.now();
    try {
      const added = await this.#commands.ask((redis) => this.#messageReports.add(redis, report, network));
      return (await this.#isKept(added, called)) ? added : { outcome: "unavailable" };
    } catch (error) {
      if (error instanceof StoreUnavailable) return { outcome: "unavailable" };
      throw error;
    }
  }

  messageReports(before: string | undefined, count: number): Promise<readonly MessageReport[]> {
    return this.#commands.ask((redis) => this.#messageReports.before(redis, before, count));
  }

  messageReport(id: string): Promise<MessageReport | undefined> {
    return this.#commands.ask((redis) => this.#messageReports.of(redis, id));
  }

  dismissReport(id: string): Promise<boolean> {
    return this.#commands.ask((redis) => this.#messageReports.dismiss(redis, id));
  }

  async require(feature: string): Promise<void> {
    const ignorant = await this.#commands.ask((redis) => this.#fence.require(redis, feature));
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
          void this.#commands.tell((redis) => this.#signing.renew(redis));
          void this.#commands.tell((redis) => this.#fence.check(redis));
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
    this.#incoming.onData(channel, payload);
  }
}
