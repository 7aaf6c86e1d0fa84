import type { Chat } from "../chat/chat.ts";
import { type MessageStore, StoreUnavailable } from "../store/store.ts";
import { EventLoopMonitor } from "./event-loop.ts";
import { collectGarbage } from "./garbage-collection.ts";
import { Overload, type OverloadLimits } from "./overload.ts";
import { countsOf, type ProcessIdentity, type ProcessStats, readProcessStats } from "./process-stats.ts";

/** Milliseconds between two reports; a report is valid for 20 s (`MessageStore.reportProcess`). */
const REPORT_MS = 5_000;

/**
 * Milliseconds between two checks whether a report is due, so that a process is seen soon after it starts or
 * reaches its store.
 */
const LOOK_MS = 500;

/** Milliseconds for which the others' reports are kept, so that frequent requests cost the store little. */
const REREAD_MS = 500;

/** What the monitor asks about the sockets of this process. */
export interface SocketFigures {
  readonly count: number;
  /** How many may be open; undefined if there is no limit. */
  readonly limit?: number | undefined;
  /** Open TCP connections; undefined if they are not counted. */
  readonly tcpCount?: number | undefined;
  readonly drain: { readonly begun: boolean };
}

/** Monitors this process, and reports its stats to the others through the store. */
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
  /** The overload state that was logged last. */
  #toldOverload = false;
  /** Time at which the next report is due, as performance.now(). */
  #dueAt = 0;

  constructor(chat: Chat, store: MessageStore, identity: ProcessIdentity, limits: OverloadLimits) {
    this.#chat = chat;
    this.#store = store;
    this.#identity = identity;
    this.#overload = new Overload(limits, collectGarbage);
  }

  /** Starts to measure and to report. */
  start(sockets: SocketFigures): void {
    this.#eventLoop.start();
    this.#sockets = sockets;
    this.#looking = setInterval(this.#look, LOOK_MS).unref();
  }

  /** Stops all timers. */
  stop(): void {
    clearInterval(this.#looking);
    this.#eventLoop.stop();
  }

  /** Why this process accepts no new connections now; undefined if it does. */
  get overload(): string | undefined {
    return this.#overload.reason;
  }

  /** The stats of this process now. */
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

  /**
   * Returns the stats of all running processes: this one now, the others as they last reported; only this one
   * while the store is unreachable.
   */
  async fleet(): Promise<ProcessStats[]> {
    if (performance.now() - this.#readAt > REREAD_MS) {
      this.#readAt = performance.now();
      this.#others = this.#readOthers();
    }
    return [this.vitals, ...(await this.#others)];
  }

  async #readOthers(): Promise<ProcessStats[]> {
    try {
      const reported = (await this.#store.processReports())
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
    void this.#store.reportProcess(JSON.stringify(this.vitals));
  };

  #tellOverload(): void {
    this.#overload.look(this.#eventLoop);
    const reason = this.overload;
    if ((reason !== undefined) === this.#toldOverload) return;
    this.#toldOverload = reason !== undefined;
    const { logger } = this.#chat;
    if (reason !== undefined) logger.warn({ event: "overload", reason }, "new sockets are refused");
    else logger.info({ event: "overload" }, "new sockets are accepted again");
  }
}
