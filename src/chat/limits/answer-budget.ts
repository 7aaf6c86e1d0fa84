import { LIMITS } from "../../protocol/limits.ts";
import { STORE_WAIT_MS } from "./time-limit.ts";

/**
 * Most reads under way of one connection. If fewer than `LIMITS.hintWaterline` bytes wait when the last one
 * begins, answers alone never reach `LIMITS.closeWaterline`.
 */
const READS_PER_READER = 3;

const MIB = 1024 * 1024;

/** Most bytes of answers that readers have not taken, of a process and of one network. */
export const ANSWER_BYTES = { process: 64 * MIB, network: 16 * MIB } as const;

/** The receiver of an answer. */
export interface AnswerReader {
  /** As `Connection.network`. */
  readonly network: string;
  /** As `Connection.waiting`. */
  readonly waiting: number;
  /** As `Connection.drained`. */
  drained(below: number): Promise<void>;
}

/** Space in memory for one answer. */
export interface AnswerSpace {
  /**
   * Claims the bytes of an answer that is written in this tick. Throws NoSpace if there is none now; then
   * nothing must be written.
   */
  take(bytes: number): void;
}

/** Unlimited space, for answers that are not counted. */
export const UNCOUNTED: AnswerSpace = { take: () => undefined };

/** There is no space for an answer now. `AnswerBudget.read` catches it, waits and tries again. */
class NoSpace extends Error {}

/** There was no space for an answer in time. */
export class TooManyAnswers extends Error {
  constructor() {
    super("too many answers are unread");
  }
}

/** The readers of one network. */
class Network {
  /** Bytes of answers that are unread or reserved. */
  bytes = 0;
  /** Callbacks that reserve space as soon as there is some; each removes itself after `STORE_WAIT_MS`. */
  readonly waiting = new Set<() => void>();
}

/** Bounds the memory of unread answers, of a process and of each network (backpressure). */
export class AnswerBudgets {
  /** Bytes of answers of the process that are unread or reserved. */
  #bytes = 0;
  /** Networks with unread, reserved or waiting answers. */
  readonly #networks = new Map<string, Network>();
  /** Networks with waiting answers. */
  readonly #crowded = new Set<Network>();
  /** Budgets of readers that have not taken all of their answers. */
  readonly #unread = new Set<AnswerBudget>();
  readonly #limits: { readonly process: number; readonly network: number };

  constructor(limits: { readonly process: number; readonly network: number } = ANSWER_BYTES) {
    this.#limits = limits;
  }

  /** Returns a new budget for one reader. */
  of(reader: AnswerReader): AnswerBudget {
    return new AnswerBudget(reader, this);
  }

  fits(name: string, bytes: number): boolean {
    return (
      this.#bytes + bytes <= this.#limits.process &&
      (this.#networks.get(name)?.bytes ?? 0) + bytes <= this.#limits.network
    );
  }

  /** Returns whether answers of a network wait until its readers take others. */
  isCrowded(name: string): boolean {
    return (this.#networks.get(name)?.waiting.size ?? 0) > 0;
  }

  /**
   * Reserves space for an answer of any size, as soon as there is some. Rejects with TooManyAnswers after
   * `STORE_WAIT_MS`.
   */
  reserve(name: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const network = this.#network(name);
      const start = (): void => {
        clearTimeout(timer);
        this.#stopWaiting(name, network, start);
        this.#add(name, LIMITS.answerBytes);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#stopWaiting(name, network, start);
        reject(new TooManyAnswers());
      }, STORE_WAIT_MS);
      network.waiting.add(start);
      this.#crowded.add(network);
      this.#startWaiting();
    });
  }

  /** Releases what was reserved. */
  release(name: string): void {
    this.#add(name, -LIMITS.answerBytes);
    this.#startWaiting();
  }

  /** Notes that a reader has not taken `unread` bytes of its answers. */
  note(budget: AnswerBudget, unread: number): void {
    const change = unread - budget.unread;
    budget.unread = unread;
    if (unread > 0) this.#unread.add(budget);
    else this.#unread.delete(budget);
    this.#add(budget.reader.network, change);
  }

  /** Notes what readers have taken meanwhile. To be called regularly. */
  sweep(): void {
    for (const budget of this.#unread) this.note(budget, Math.min(budget.unread, budget.reader.waiting));
    this.#startWaiting();
  }

  #network(name: string): Network {
    const network = this.#networks.get(name) ?? new Network();
    this.#networks.set(name, network);
    return network;
  }

  #add(name: string, bytes: number): void {
    if (bytes === 0) return;
    const network = this.#network(name);
    network.bytes += bytes;
    this.#bytes += bytes;
    this.#forgetIfEmpty(name, network);
  }

  #stopWaiting(name: string, network: Network, start: () => void): void {
    network.waiting.delete(start);
    if (network.waiting.size === 0) this.#crowded.delete(network);
    this.#forgetIfEmpty(name, network);
  }

  #forgetIfEmpty(name: string, network: Network): void {
    if (network.bytes === 0 && network.waiting.size === 0) this.#networks.delete(name);
  }

  /** Reserves space for waiting answers, one of each network in turn. */
  #startWaiting(): void {
    for (let started = this.#crowded.size > 0; started; ) {
      started = false;
      for (const network of this.#crowded) {
        const [start] = network.waiting;
        if (start === undefined || !this.#hasSpace(network)) continue;
        start();
        started = true;
      }
    }
  }

  #hasSpace(network: Network): boolean {
    return (
      this.#bytes + LIMITS.answerBytes <= this.#limits.process &&
      network.bytes + LIMITS.answerBytes <= this.#limits.network
    );
  }
}

/** The answers to one reader, whose memory is bounded. */
export class AnswerBudget {
  readonly reader: AnswerReader;
  /** Bytes of answers that the reader has not taken, as `AnswerBudgets` noted it. */
  unread = 0;
  readonly #budgets: AnswerBudgets;
  /**
   * Reads that wait for others of the same reader; undefined until there is one, as most readers never have
   * any.
   */
  #queue: (() => void)[] | undefined;
  #reads = 0;
  #draining: Promise<void> | undefined;
  #closed = false;

  constructor(reader: AnswerReader, budgets: AnswerBudgets) {
    this.reader = reader;
    this.#budgets = budgets;
  }

  /**
   * Runs `work`, which reads one answer, claims its bytes and writes it. Waits first until the reader has
   * taken most of what it was sent and has few reads under way. If there is no space for the answer, waits
   * and runs `work` again. Rejects with TooManyAnswers if that takes too long, else as `work` does.
   */
  async read<T>(work: (space: AnswerSpace) => Promise<T>): Promise<T> {
    await this.#begin();
    const { network } = this.reader;
    try {
      const read = this.#budgets.isCrowded(network) ? NO_SPACE : await unlessFull(work(this.#space()));
      if (read !== NO_SPACE) return read;
      await this.#budgets.reserve(network);
      try {
        return await work({ take: (bytes) => this.#take(bytes) });
      } finally {
        this.#budgets.release(network);
      }
    } finally {
      this.#reads -= 1;
      this.#queue?.shift()?.();
    }
  }

  /** Ends the budget of a reader that is gone. */
  close(): void {
    this.#closed = true;
    this.#budgets.note(this, 0);
  }

  /** Not bounded in time: a reader that takes nothing is closed. */
  async #begin(): Promise<void> {
    while (true) {
      while (this.#reads >= READS_PER_READER) await this.#readEnded();
      if (this.#closed || this.reader.waiting < LIMITS.hintWaterline) break;
      await this.#drained();
      // `waiting` is not checked again: a reader that is gone has drained, too.
      if (this.#reads < READS_PER_READER) break;
    }
    this.#reads += 1;
  }

  async #drained(): Promise<void> {
    this.#draining ??= this.reader.drained(LIMITS.hintWaterline).finally(() => {
      this.#draining = undefined;
    });
    await this.#draining;
  }

  #readEnded(): Promise<void> {
    this.#queue ??= [];
    const queue = this.#queue;
    return new Promise((next) => queue.push(next));
  }

  #space(): AnswerSpace {
    return {
      take: (bytes) => {
        if (!this.#budgets.fits(this.reader.network, bytes)) throw new NoSpace();
        this.#take(bytes);
      },
    };
  }

  #take(bytes: number): void {
    if (!this.#closed) this.#budgets.note(this, this.unread + bytes);
  }
}

/** Stands for an answer for which there was no space. */
const NO_SPACE = Symbol("no space");

async function unlessFull<T>(work: Promise<T>): Promise<T | typeof NO_SPACE> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof NoSpace) return NO_SPACE;
    throw error;
  }
}
