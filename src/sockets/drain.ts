import { setTimeout as sleep } from "node:timers/promises";
import type { Chat } from "../chat/chat.ts";
import type { Session } from "../chat/session.ts";
import { CLOSE, LIMITS } from "../protocol.ts";
import { CLOSE_TIMEOUT_MS } from "./seats.ts";

/** Connections a second that are asked to move elsewhere, where the time allows. */
const MOVES_PER_SECOND = 200;

/** The least time over which they are spread, ms. */
const LEAST_SPREAD_MS = 250;

/** How often it is looked whether all have gone, ms. */
const LOOK_MS = 50;

/** Empties this process: nobody comes in, and those who are here leave one after the other. */
export class Drain {
  readonly #chat: Chat;
  readonly #limitMs: number;
  #ended: Promise<void> | undefined;

  constructor(chat: Chat, shutdownSeconds: number) {
    this.#chat = chat;
    this.#limitMs = shutdownSeconds * 1000;
  }

  get begun(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * Tells every client when to reconnect, each another time, serves each until then and closes it with 1012.
   * Fulfils when all are gone, or `shutdownSeconds` have passed. A second call is the same drain.
   */
  begin(): Promise<void> {
    this.#ended ??= this.#run();
    return this.#ended;
  }

  async #run(): Promise<void> {
    const started = performance.now();
    const sessions = [...this.#chat.sessions()];
    const spread = this.#spreadMs(sessions.length);
    for (const [index, session] of sessions.entries()) {
      const reconnectInMs = Math.round((spread * (index + 1)) / sessions.length);
      session.send({ type: "restart", reconnectInMs });
      setTimeout(() => void endSession(session), reconnectInMs);
    }
    while (this.#chat.size > 0 && performance.now() - started < this.#limitMs) await sleep(LOOK_MS);
  }

  /** Room is left for peers that do not answer the close frame. */
  #spreadMs(count: number): number {
    const wanted = Math.max(LEAST_SPREAD_MS, (count / MOVES_PER_SECOND) * 1000);
    return Math.min(wanted, Math.max(LEAST_SPREAD_MS, this.#limitMs - CLOSE_TIMEOUT_MS - 1_000));
  }
}

/** What was accepted is answered first, for as long as an answer may take. */
async function endSession(session: Session): Promise<void> {
  const deadline = performance.now() + LIMITS.unavailableMs;
  while (session.busy && performance.now() < deadline) await sleep(LOOK_MS);
  session.connection.close(CLOSE.restarting, "the server is restarting");
}
