import { randomBytes } from "node:crypto";
import type { Logger } from "../logging/logger.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { ServerFrame, StatusFrame } from "../protocol/frames.ts";
import { LIMITS } from "../protocol/limits.ts";
import { signedOutUser } from "../store/access.ts";
import type { MessageStore, StoreListener, StoreStatus } from "../store/store.ts";
import type { Connection } from "./connection.ts";
import { Counters } from "./counters.ts";
import { Guests } from "./guests.ts";
import { guestIdentity, type Identity, SIGNED_OUT, type SiteTokens } from "./identity.ts";
import { Accounts } from "./limits/accounts.ts";
import { AnswerBudgets } from "./limits/answer-budget.ts";
import { RateLimiter } from "./limits/rate.ts";
import { ReadSlots } from "./limits/read-slots.ts";
import { RequestBudgets } from "./limits/request-budget.ts";
import { StalledReaders } from "./limits/stalled-readers.ts";
import { Publisher, type PublishRates } from "./publisher.ts";
import { type Authorize, Authorizer } from "./rights/authorizer.ts";
import { GlobalRules, type GlobalRulesListener } from "./rights/global-rules.ts";
import { Moderation } from "./rights/moderation.ts";
import { Reports } from "./rights/reports.ts";
import { Rights } from "./rights/rights.ts";
import type { NetworkDigest } from "./rights/visitor.ts";
import { RoomQueries } from "./room/queries.ts";
import { RingBudget } from "./room/ring.ts";
import { Rooms } from "./room/rooms.ts";
import type { ChatContext, ChatOptions } from "./session/chat-context.ts";
import { type PlainQuery, PlainSession } from "./session/plain/plain-session.ts";
import type { Session, SocketSession } from "./session/session.ts";
import { StreamSession } from "./session/stream/stream-session.ts";
import type { StreamRequest } from "./session/stream/stream-subscription.ts";
import { WaitingBytes } from "./session/v1/request-queue.ts";
import { V1Session } from "./session/v1/v1-session.ts";

/** How often sessions without a hello, idle budgets and stalled readers are looked for, ms. */
const SWEEP_MS = 500;

/** How often the site's keys of connected users are checked, ms; the keys are fetched every ten minutes. */
const KEY_CHECK_MS = 60_000;

/**
 * What guests of one address may try to store, for each message per second that they may store: twice as
 * much, because clients retry what was rejected.
 */
const TRIES = { perSecond: 2, burst: 10 } as const;

/** Rooms in which one user of the site may write at the full rate at the same time, in this process. */
const ROOMS_AT_ONCE = 2;

/** Name of the shared secret in the store. */
const SECRET_NAME = "secret";

/** Tells users of the memory store that their messages are not kept. */
const EMBEDDED_NOTICE: ServerFrame = {
  type: "notice",
  text: "Messages live in this server's memory only: they are gone when it restarts.",
};

/** Who decides about users besides the settings. */
export interface Deciders {
  /** Checks the tokens of the embedding site; undefined = it has none. */
  readonly siteTokens?: SiteTokens | undefined;
  /** The embedding app; undefined = it is not asked for rights. */
  readonly authorize?: Authorize | undefined;
}

/** The chat of this process: its sessions, its rooms and their store. */
export class Chat implements StoreListener, GlobalRulesListener, ChatContext {
  readonly options: ChatOptions;
  readonly logger: Logger;
  readonly counters = new Counters();
  readonly rooms: Rooms;
  readonly answers = new AnswerBudgets();
  readonly requests: RequestBudgets;
  readonly accounts: Accounts;
  readonly waiting = new WaitingBytes();
  readonly publisher: Publisher;
  /** Queries of callers that are not in the room. */
  readonly queries: RoomQueries;
  readonly guests: Guests;
  readonly siteTokens: SiteTokens | undefined;
  readonly globalRules: GlobalRules;
  readonly rights: Rights;
  readonly moderation: Moderation;
  readonly reports: Reports;
  readonly #store: MessageStore;
  readonly #rates: PublishRates;
  readonly #sessions = new Set<Session>();
  /** v1 sessions that may still lack a hello, and by when it must come. */
  readonly #awaitingHello = new Map<Session, { readonly session: V1Session; readonly until: number }>();
  readonly #stalled = new StalledReaders(this.answers);
  #sweep: NodeJS.Timeout | undefined;
  #keyCheck: NodeJS.Timeout | undefined;
  /** The secret from the store; undefined if the settings give one, or before it was read. */
  #sharedSecret: string | undefined;
  /** Whether the store is live, as clients were told last. */
  #live = false;
  /**
   * Changes of the store's state that were logged since it was last live: attempts that fail in the same way
   * are logged once.
   */
  readonly #loggedStates = new Set<string>();
  /** Fulfils with the reason if the store reports, before it was ever live, that it cannot be used. */
  readonly unusable: Promise<string>;
  #resolveUnusable: (reason: string) => void = () => {};

  constructor(
    store: MessageStore,
    options: ChatOptions,
    logger: Logger,
    { siteTokens, authorize }: Deciders = {},
  ) {
    this.options = options;
    this.logger = logger;
    this.siteTokens = siteTokens;
    this.#store = store;
    this.unusable = new Promise((resolve) => {
      this.#resolveUnusable = resolve;
    });
    const { batchWindowMs, messagesPerSecond, messageBurst } = options;
    const perAddress = options.addressMessagesPerSecond;
    // An embedded store belongs to one process: no secret has to be read from it.
    this.guests = new Guests(options.secret ?? (store.kind === "embedded" ? [randomSecret()] : []));
    const reads = new ReadSlots();
    const networkDigest: NetworkDigest = (network) => this.guests.networkDigest(network);
    this.globalRules = new GlobalRules(store, networkDigest, logger, this);
    const authorizer = authorize === undefined ? undefined : new Authorizer(authorize, logger);
    this.rights = new Rights(options, store, this.globalRules, authorizer);
    this.rooms = new Rooms(
      {
        store,
        reads,
        logger,
        ringBudget: new RingBudget(),
        batchWindowMs,
        hasGrants: authorize !== undefined,
        counters: this.counters,
        networkDigest,
        globalRules: this.globalRules,
      },
      options,
    );
    this.requests = new RequestBudgets(options);
    this.accounts = new Accounts(options, this.counters);
    const ofUsers = (factor: number): RateLimiter =>
      new RateLimiter(factor * messagesPerSecond, factor * messageBurst);
    this.#rates = {
      guest: ofUsers(1),
      site: ofUsers(ROOMS_AT_ONCE),
      program: ofUsers(ROOMS_AT_ONCE * options.programFactor),
      networks: new RateLimiter(TRIES.perSecond * perAddress, TRIES.burst * perAddress),
    };
    this.publisher = new Publisher(store, this.#rates, logger, this.counters, networkDigest);
    const { rooms, rights, globalRules } = this;
    this.queries = new RoomQueries(store, rooms, reads, globalRules);
    const { queries } = this;
    this.moderation = new Moderation({ store, rooms, queries, rights, globalRules, logger });
    this.reports = new Reports(store, queries, rights, this.counters, logger);
  }

  /** Whether messages can be stored and broadcast now. */
  get live(): boolean {
    return this.#store.status.state === "live";
  }

  get status(): StoreStatus {
    return this.#store.status;
  }

  /** Number of open sessions. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Connects the store and starts the timers; `close` ends both. */
  start(): void {
    this.#sweep = setInterval(this.#sweepAll, SWEEP_MS).unref();
    this.#keyCheck = setInterval(this.#closeWithdrawn, KEY_CHECK_MS).unref();
    this.rooms.start();
    this.globalRules.start();
    this.#store.start(this);
  }

  /**
   * Opens the session of a client that speaks `dynochat.v1`.
   * @param guest the user id that its cookie names, or a new one.
   * @param appUser the user of the embedding app's own session; undefined = none.
   */
  connectV1(connection: Connection, guest: string, appUser?: Identity): SocketSession {
    const session = new V1Session(this, connection, guest, appUser);
    this.#sessions.add(session);
    this.#awaitingHello.set(session, { session, until: performance.now() + LIMITS.helloMs });
    return session;
  }

  /** Opens the session of a client that sends and gets plain frames; otherwise as `connectV1`. */
  connectPlain(connection: Connection, guest: string, query: PlainQuery, appUser?: Identity): SocketSession {
    const session = new PlainSession(this, connection, appUser ?? guestIdentity(guest), query);
    this.#sessions.add(session);
    session.open();
    return session;
  }

  /** Opens the session of an event stream. */
  connectStream(connection: Connection, request: StreamRequest): Session {
    const session = new StreamSession(this, connection, request);
    this.#sessions.add(session);
    // Since the request was identified, its user may have been signed out.
    if (!this.#closeIfSignedOut(session)) session.open();
    return session;
  }

  /** Ends the session of a client that is gone. Idempotent. */
  disconnect(session: Session): void {
    this.#sessions.delete(session);
    this.#awaitingHello.delete(session);
    session.closed();
  }

  sendGreeting(session: Session): void {
    if (this.#store.kind === "embedded" && session.hasNotices) session.send(EMBEDDED_NOTICE);
    if (this.options.greeting !== undefined) session.send({ type: "notice", text: this.options.greeting });
    if (!this.#live) session.statusChanged(this.#statusFrame());
  }

  /** Returns all open sessions. */
  sessions(): IterableIterator<Session> {
    return this.#sessions.values();
  }

  async catchUp(): Promise<void> {
    // Before the process serves again: a user who was shut out of all rooms meanwhile must not be let in.
    await this.globalRules.catchUp();
    if (this.options.secret === undefined && this.#store.kind === "redis") {
      // After the rules, because clients are let in from then on. Every time: a store that came back without
      // the secret gets it again, so that guests keep their ids.
      const stored = await this.#store.shared(SECRET_NAME, this.#sharedSecret ?? randomSecret());
      this.#sharedSecret ??= stored;
      this.guests.learn(this.#sharedSecret);
    }
    await this.rooms.catchUp();
  }

  globalRuleChanged(subject: string): void {
    if (signedOutUser(subject) !== undefined) this.#closeSignedOut();
    else this.rooms.globalRuleChanged(subject);
  }

  *networksOf(guest: string): Generator<string, void, undefined> {
    for (const { identity, connection } of this.#sessions)
      if (identity.user === guest && identity.kind === "guest") yield connection.network;
  }

  statusChanged(status: StoreStatus): void {
    this.#logState(status);
    if (status.unusable === true) this.#resolveUnusable(status.reason);
    if (status.state === "down" || status.state === "closed") this.rooms.storeLost();
    if (status.state === "down") this.counters.logLosses += 1;
    const live = status.state === "live";
    if (live === this.#live) return;
    this.#live = live;
    // An embedded store is live at once: there is nothing to catch up with.
    if (live && this.#store.kind === "embedded") void this.globalRules.catchUp();
    if (live && this.counters.logLosses > 0) this.counters.logReturns += 1;
    const frame = this.#statusFrame();
    for (const session of this.#sessions) session.statusChanged(frame);
  }

  /** Ends every timer and closes the store. Does not close connections: their transport does. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    clearInterval(this.#keyCheck);
    this.rooms.close();
    this.globalRules.close();
    await this.#store.close();
  }

  #logState({ state, reason }: StoreStatus): void {
    const change = `${state}: ${reason}`;
    const level = this.#loggedStates.has(change) ? "debug" : "info";
    if (state === "live") this.#loggedStates.clear();
    else this.#loggedStates.add(change);
    this.logger[level]({ event: "log-status", state, reason }, "the store's state changed");
  }

  *#connections(): Generator<Connection, void, undefined> {
    for (const { connection } of this.#sessions) yield connection;
  }

  #statusFrame(): StatusFrame {
    return { type: "status", live: this.#live, reason: this.#live ? "live" : this.#store.status.reason };
  }

  /** Closes the connections of users whose site has withdrawn the key that signed their tokens. */
  readonly #closeWithdrawn = async (): Promise<void> => {
    const keys = new Set(
      Array.from(this.#sessions, ({ identity }) => identity.siteKey).filter((key) => key !== undefined),
    );
    for (const key of keys) {
      // While the site's keys cannot be fetched, the connections stay.
      if ((await this.siteTokens?.holdsKey(key)) !== false) continue;
      for (const session of this.#sessions) {
        if (session.identity.siteKey === key)
          session.connection.close(CLOSE.unauthorized, "the key of the token was withdrawn");
      }
    }
  };

  #closeSignedOut(): void {
    for (const session of this.#sessions) this.#closeIfSignedOut(session);
  }

  #closeIfSignedOut({ identity, connection }: Session): boolean {
    const isSignedOut = this.globalRules.isSignedOut(identity);
    if (isSignedOut) connection.close(CLOSE.unauthorized, SIGNED_OUT.error.message);
    return isSignedOut;
  }

  readonly #sweepAll = (): void => {
    const now = performance.now();
    for (const rate of Object.values(this.#rates)) rate.sweep(now);
    this.accounts.sweep(now);
    this.answers.sweep();
    this.requests.sweep(now);
    this.moderation.sweep(now);
    this.reports.sweep(now);
    this.#stalled.look(this.#connections(), now);
    for (const { session, until } of this.#awaitingHello.values()) {
      // Sessions are in the order in which they were opened, and all have the same time limit.
      if (until > now) break;
      this.#awaitingHello.delete(session);
      if (!session.greeted) session.connection.close(CLOSE.tooSlow, "no hello in time");
    }
  };
}

function randomSecret(): string {
  return randomBytes(32).toString("base64url");
}
