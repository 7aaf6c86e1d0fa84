import type { ServerResponse } from "node:http";
import type { AnswerReader } from "../../chat/limits/answer-budget.ts";

/** Who gets one response, as budgets of answers see them. */
export class ResponseReader implements AnswerReader {
  readonly network: string;
  readonly #response: ServerResponse;

  constructor(response: ServerResponse, network: string) {
    this.#response = response;
    this.network = network;
  }

  get waiting(): number {
    // Its answer was claimed a moment before it is written.
    return this.#response.headersSent ? this.#response.writableLength : Number.POSITIVE_INFINITY;
  }

  /** Nothing waits before the one answer. */
  async drained(): Promise<void> {}
}
