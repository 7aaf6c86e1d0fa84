import type { ServerResponse } from "node:http";
import type { AnswerReader } from "../../chat/limits/answer-budget.ts";

/** The receiver of one response, for the budgets of answers. */
export class ResponseReader implements AnswerReader {
  readonly network: string;
  readonly #response: ServerResponse;

  constructor(response: ServerResponse, network: string) {
    this.#response = response;
    this.network = network;
  }

  get waiting(): number {
    // The answer is claimed before it is written.
    return this.#response.headersSent ? this.#response.writableLength : Number.POSITIVE_INFINITY;
  }

  /** Fulfils at once: nothing waits before the one answer. */
  async drained(): Promise<void> {}
}
