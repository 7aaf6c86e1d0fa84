import type { Logger } from "./logger.ts";

/** Milliseconds between two lines of the same topic. */
const QUIET_MS = 10_000;

/**
 * Logs events that may happen a thousand times per second: the first one at once, later ones as a count in
 * the next line, at most one line per topic every 10 s.
 */
export class ThrottledLogger {
  readonly #logger: Logger;
  /** One entry per topic. Topics are sentences of this program, so there are few. */
  readonly #topics = new Map<string, { at: number; unsaid: number }>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param count the number of events that this call reports. */
  log(level: "warn" | "error", sentence: string, fields: object, count = 1): void {
    const now = performance.now();
    const topic = this.#topics.get(sentence);
    if (topic !== undefined && now - topic.at < QUIET_MS) {
      topic.unsaid += count;
      return;
    }
    this.#topics.set(sentence, { at: now, unsaid: 0 });
    this.#logger[level]({ ...fields, count: count + (topic?.unsaid ?? 0) }, sentence);
  }
}
