import type { Chat } from "../chat/chat.ts";
import { type MessageStore, StoreUnavailable } from "../store/store.ts";
import { EventLoopMonitor } from "./event-loop.ts";
import { collectGarbage } from "./garbage-collection.ts";
import { Overload, type OverloadLimits } from "./overload.ts";
import { countsOf, type ProcessIdentity, type ProcessStats, readProcessStats } from "./process-stats.ts";

/** Between two reports, ms; what a process reported holds for 20 s (`MessageStore.report`). */
const REPORT_MS = 5_000;

/** How often it is looked whether one is due, ms: a process that just came, or whose log did, is seen at once. */
const LOOK_MS = 500;

/** What others reported is read again after this time, ms: whoever asks without end costs the store little. */
const REREAD_MS = 500;

/** What the watch asks about the sockets of this process. */
export interface SocketFigures {
  readonly count: number;
  /** How many may be open; undefined = no limit. */
  readonly limit?: number | undefined;
  /** Open TCP connections, where they are counted. */
  readonly tcpCount?: number | undefined;
  readonly drain: { readonly begun: boolean };
}

/** Keeps an eye on this process, and tells the others through the store how it is. */
export class Monitor {
  readonly #chat: Chat;
  readonly #store: MessageStore;
  readonly #identity: ProcessIdentity;
  readonly #overload: Overload;
  readonly #eventLoop = new EventLoopMonitor();
  readonly #startedAt = Date.now() - Math.round(process.uptime() * 1000);
  #sockets: SocketFigures | undefined;
  #looking: NodeJS.Timeout | undefined;
  #others: Promise<ProcessStats[]> = Promise.resolve([]);
  #readAt = Number.NEGATIVE_INFINITY;
  /** What was last said in the store about it. */
  #toldOverload = false;
  /** When the next report is due, as performance.now() tells it. */
  #dueAt = 0;

  constructor(chat: Chat, store: MessageStore, identity: ProcessIdentity, limits: OverloadLimits) {
    this.#chat = chat;
    this.#store = store;
    this.#identity = identity;
    this.#overload = new Overload(limits, collectGarbage);
  }

  /** Begins to measure and to report. */
  start(sockets: SocketFigures): void {
    this.#eventLoop.start();
    this.#sockets = sockets;
    this.#looking = setInterval(this.#look, LOOK_MS).unref();
  }

  /** Ends every timer. */
  stop(): void {
    clearInterval(this.#looking);
    this.#eventLoop.stop();
  }

  /** Why this process takes nobody in now; undefined: it does. */
  get overload(): string | undefined {
    return this.#overload.reason;
  }

  /** This process, now. */
  get vitals(): ProcessStats {
    const { user, system } = process.cpuUsage();
    const { state, reason } = this.#store.status;
    const { roundTripAgeMs } = this.#store;
    const { limit, tcpCount } = this.#sockets ?? {};
    return {
      identity: this.#identity,
      startedAt: this.#startedAt,
      at: Date.now(),
      logKind: this.#store.kind,
      logState: state,
      logReason: reason,
      logWarnings: [...this.#store.warnings],
      draining: this.#sockets?.drain.begun ?? false,
      overloaded: this.overload !== undefined,
      sockets: this.#sockets?.count ?? 0,
      ...(limit === undefined ? {} : { socketLimit: limit }),
      ...(tcpCount === undefined ? {} : { tcpConnections: tcpCount }),
      rooms: this.#chat.rooms.size,
      ...(roundTripAgeMs === undefined ? {} : { roundTripAgeMs }),
      cpuSeconds: (user + system) / 1e6,
      load: this.#eventLoop.reading,
      ...countsOf(this.#chat.counters),
    };
  }

  /** All living processes: this one as it is now, the others as they last reported; alone where the store is away. */
  async fleet(): Promise<ProcessStats[]> {
    if (performance.now() - this.#readAt > REREAD_MS) {
      this.#readAt = performance.now();
      this.#others = this.#readOthers();
    }
    return [this.vitals, ...(await this.#others)];
  }

  async #readOthers(): Promise<ProcessStats[]> {
    try {
      const reported = (await this.#store.reports())
        .map(readProcessStats)
        .filter((vitals) => vitals !== undefined);
      return reported.filter(({ identity }) => identity.instance !== this.#identity.instance);
    } catch (error) {
      if (error instanceof StoreUnavailable) return [];
      throw error;
    }
  }

  readonly #look = (): void => {
    this.#tellOverload();
    const now = performance.now();
    if (!this.#chat.live) this.#dueAt = now;
    if (!this.#chat.live || now < this.#dueAt) return;
    this.#dueAt = now + REPORT_MS;
    // Never rejects.
    void this.#store.report(JSON.stringify(this.vitals));
  };

  #tellOverload(): void {
    this.#overload.look(this.#eventLoop);
    const reason = this.overload;
    if ((reason !== undefined) === this.#toldOverload) return;
    this.#toldOverload = reason !== undefined;
    const { logger } = this.#chat;
    if (reason !== undefined) logger.warn({ event: "overload", reason }, "new sockets are refused");
    else logger.info({ event: "overload" }, "new sockets are taken again");
  }
}
