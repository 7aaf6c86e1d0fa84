import { CLOSE } from "../../protocol/codes.ts";
import type { Connection } from "../connection.ts";
import type { AnswerBudgets } from "./answer-budget.ts";

/**
 * How long a reader may take nothing of what waits for it, ms; less if answers of its network wait for space.
 */
export const STALLED_MS = { most: 30_000, crowded: 5_000 } as const;

/** A connection for which bytes wait. */
interface Waiting {
  /** `Connection.progress`, unchanged since `since`. */
  readonly progress: number;
  readonly since: number;
}

/**
 * Closes connections that take nothing of the bytes that wait for them, because those bytes cost memory
 * (backpressure).
 */
export class StalledReaders {
  readonly #answers: AnswerBudgets;
  /** Replaced by each check, so that it holds open connections only. */
  #waiting = new Map<Connection, Waiting>();

  constructor(answers: AnswerBudgets) {
    this.#answers = answers;
  }

  /** Checks all connections. To be called regularly. */
  look(connections: Iterable<Connection>, now: number = performance.now()): void {
    const waiting = new Map<Connection, Waiting>();
    for (const connection of connections) {
      if (connection.waiting === 0) continue;
      const { progress } = connection;
      const known = this.#waiting.get(connection);
      const seen = known?.progress === progress ? known : { progress, since: now };
      waiting.set(connection, seen);
      if (now - seen.since >= this.#limitMs(connection)) connection.close(CLOSE.tooSlow, "took nothing");
    }
    this.#waiting = waiting;
  }

  #limitMs({ network }: Connection): number {
    return this.#answers.isCrowded(network) ? STALLED_MS.crowded : STALLED_MS.most;
  }
}
