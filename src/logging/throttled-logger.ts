import type { Logger } from "./logger.ts";

/** Milliseconds between two lines about the same thing. */
const QUIET_MS = 10_000;

/**
 * Log lines about things that may come a thousand times per second: the first is written at once, later
 * ones are counted and told with the next line, at most one every 10 s for a topic.
 */
export class ThrottledLogger {
  readonly #logger: Logger;
  /** One entry a topic; topics are sentences of this program, so there are a handful. */
  readonly #topics = new Map<string, { at: number; unsaid: number }>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param count how many of them this is. */
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
