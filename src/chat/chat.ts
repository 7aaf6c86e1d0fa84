import { randomBytes } from "node:crypto";
import type { Logger } from "../logging/logger.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { ServerFrame, StatusFrame } from "../protocol/frames.ts";
import { LIMITS } from "../protocol/limits.ts";
import type { MessageStore, StoreListener, StoreStatus } from "../store/store.ts";
import type { Connection } from "./connection.ts";
import { Counters } from "./counters.ts";
import { Guests } from "./guests.ts";
import type { SiteTokens } from "./identity.ts";
import { AnswerBudgets } from "./limits/answer-budget.ts";
import { RateLimiter } from "./limits/rate.ts";
import { ReadSlots } from "./limits/read-slots.ts";
import { RequestBudgets } from "./limits/request-budget.ts";
import { StalledReaders } from "./limits/stalled-readers.ts";
import { Publisher, type PublishRates } from "./publisher.ts";
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

/** How often overdue hellos and idle allowances are looked for, ms. */
const SWEEP_MS = 500;

/** How often the keys of the site's users are looked at, ms; they are fetched every ten minutes. */
const KEY_CHECK_MS = 60_000;

/** What guests of an address may try to store, for each message per second that they may: twice that, because what is refused comes again. */
const TRIES = { perSecond: 2, burst: 10 } as const;

/** The shared secret's name in the store. */
const SECRET_NAME = "secret";

/** Said to people, so that nobody takes a trial for an archive. */
const EMBEDDED_NOTICE: ServerFrame = {
  type: "notice",
  text: "Messages live in this server's memory only: they are gone when it restarts.",
};

/** The chat of this process: its sessions and rooms, and the store they live on. */
export class Chat implements StoreListener, ChatContext {
  readonly options: ChatOptions;
  readonly logger: Logger;
  readonly counters = new Counters();
  readonly rooms: Rooms;
  readonly answers = new AnswerBudgets();
  readonly requests: RequestBudgets;
  readonly waiting = new WaitingBytes();
  readonly publisher: Publisher;
  /** What may be asked without a connection. */
  readonly queries: RoomQueries;
  readonly guests: Guests;
  readonly siteTokens: SiteTokens | undefined;
  readonly #store: MessageStore;
  readonly #rates: PublishRates;
  readonly #sessions = new Set<Session>();
  /** Young v1 sessions, and by when they must have said hello. */
  readonly #young = new Map<Session, { readonly session: V1Session; readonly until: number }>();
  readonly #stalled = new StalledReaders(this.answers);
  #sweep: NodeJS.Timeout | undefined;
  #keyCheck: NodeJS.Timeout | undefined;
  /** The secret that the store gave, where the settings give none. */
  #sharedSecret: string | undefined;
  /** What clients were told last. */
  #live = false;
  /** Changes of the store's state that were logged since it was last live: attempts that fail alike are one line each. */
  readonly #loggedStates = new Set<string>();
  /** Fulfils with the reason if the store tells, before it was ever live, that it cannot be used. */
  readonly unusable: Promise<string>;
  #foundUnusable: (reason: string) => void = () => {};

  constructor(store: MessageStore, options: ChatOptions, logger: Logger, siteTokens?: SiteTokens) {
    this.options = options;
    this.logger = logger;
    this.siteTokens = siteTokens;
    this.#store = store;
    this.unusable = new Promise((resolve) => {
      this.#foundUnusable = resolve;
    });
    const { batchWindowMs, messagesPerSecond, messageBurst } = options;
    const perAddress = options.addressMessagesPerSecond;
    // Nobody shares an embedded store, so there is nothing to wait for.
    this.guests = new Guests(options.secret ?? (store.kind === "embedded" ? [randomSecret()] : []));
    const reads = new ReadSlots();
    this.rooms = new Rooms(
      {
        store,
        reads,
        logger,
        ringBudget: new RingBudget(),
        batchWindowMs,
        counters: this.counters,
        networkDigest: (network) => this.guests.networkDigest(network),
      },
      options.maxRoomsPerAddress,
    );
    this.requests = new RequestBudgets(options);
    this.#rates = {
      users: new RateLimiter(messagesPerSecond, messageBurst),
      networks: new RateLimiter(TRIES.perSecond * perAddress, TRIES.burst * perAddress),
    };
    this.publisher = new Publisher(store, this.#rates, logger, this.counters);
    this.queries = new RoomQueries(store, this.rooms, reads);
  }

  /** Whether messages can be stored and shown now. */
  get live(): boolean {
    return this.#store.status.state === "live";
  }

  get status(): StoreStatus {
    return this.#store.status;
  }

  /** Open sessions. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Connects the store and begins what is done regularly; `close` ends both. */
  start(): void {
    this.#sweep = setInterval(this.#sweepAll, SWEEP_MS).unref();
    this.#keyCheck = setInterval(this.#endWithKeys, KEY_CHECK_MS).unref();
    this.rooms.start();
    this.#store.start(this);
  }

  /** A client connected that speaks `dynochat.v1`. `guest`: the user id its cookie names, or a new one. */
  connectV1(connection: Connection, guest: string): SocketSession {
    const session = new V1Session(this, connection, guest);
    this.#sessions.add(session);
    this.#young.set(session, { session, until: performance.now() + LIMITS.helloMs });
    return session;
  }

  /** A client connected that sends and gets plain frames. */
  connectPlain(connection: Connection, guest: string, query: PlainQuery): SocketSession {
    const session = new PlainSession(this, connection, guest, query);
    this.#sessions.add(session);
    session.open();
    return session;
  }

  /** A client opened an event stream. */
  connectStream(connection: Connection, request: StreamRequest): Session {
    const session = new StreamSession(this, connection, request);
    this.#sessions.add(session);
    session.open();
    return session;
  }

  /** The client is gone. Idempotent. */
  disconnect(session: Session): void {
    this.#sessions.delete(session);
    this.#young.delete(session);
    session.closed();
  }

  newcomer(session: Session): void {
    if (this.#store.kind === "embedded" && session.hasNotices) session.send(EMBEDDED_NOTICE);
    if (this.options.greeting !== undefined) session.send({ type: "notice", text: this.options.greeting });
    if (!this.#live) session.statusChanged(this.#statusFrame());
  }

  /** All sessions, for whoever ends them. */
  sessions(): IterableIterator<Session> {
    return this.#sessions.values();
  }

  async catchUp(): Promise<void> {
    if (this.options.secret === undefined && this.#store.kind === "redis") {
      // Each time: to a store that came back without it, it is given again, so that guests stay who they are.
      const stored = await this.#store.shared(SECRET_NAME, this.#sharedSecret ?? randomSecret());
      this.#sharedSecret ??= stored;
      this.guests.learn(this.#sharedSecret);
    }
    await this.rooms.catchUp();
  }

  statusChanged(status: StoreStatus): void {
    this.#logState(status);
    if (status.unusable === true) this.#foundUnusable(status.reason);
    if (status.state === "down" || status.state === "closed") this.rooms.storeLost();
    if (status.state === "down") this.counters.logLosses += 1;
    const live = status.state === "live";
    if (live === this.#live) return;
    this.#live = live;
    if (live && this.counters.logLosses > 0) this.counters.logReturns += 1;
    const frame = this.#statusFrame();
    for (const session of this.#sessions) session.statusChanged(frame);
  }

  /** Ends every timer and the store. Connections are the edge's to close. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    clearInterval(this.#keyCheck);
    this.rooms.close();
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
  readonly #endWithKeys = async (): Promise<void> => {
    const keys = new Set(
      Array.from(this.#sessions, ({ identity }) => identity.siteKey).filter((key) => key !== undefined),
    );
    for (const key of keys) {
      // While it cannot be told, they stay.
      if ((await this.siteTokens?.holdsKey(key)) !== false) continue;
      for (const session of this.#sessions) {
        if (session.identity.siteKey === key)
          session.connection.close(CLOSE.unauthorized, "the key of the token was withdrawn");
      }
    }
  };

  readonly #sweepAll = (): void => {
    const now = performance.now();
    this.#rates.users.sweep(now);
    this.#rates.networks.sweep(now);
    this.answers.sweep();
    this.requests.sweep(now);
    this.#stalled.look(this.#connections(), now);
    for (const { session, until } of this.#young.values()) {
      // Sessions are in the order in which they came, and all have the same time.
      if (until > now) break;
      this.#young.delete(session);
      if (!session.greeted) session.connection.close(CLOSE.tooSlow, "no hello in time");
    }
  };
}

function randomSecret(): string {
  return randomBytes(32).toString("base64url");
}
