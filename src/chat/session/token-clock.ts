import { CLOSE } from "../../protocol/codes.ts";
import type { ExpiringFrame } from "../../protocol/frames.ts";
import type { Connection } from "../connection.ts";

/** How long before a token expires the client is told, ms. */
const EXPIRING_MS = 60_000;

/** Longest delay of a timer, ms (2^31 - 1); a longer wait is split. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Tells a client once that its token is about to expire, and closes the connection when it has. */
export class TokenClock {
  readonly #connection: Connection;
  #endsAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Sets when the token expires, and replaces what was set before. The same time again changes nothing: a
   * client that answers `expiring` with the token it has must not get another `expiring` for it.
   * @param endsAt ms since 1970 UTC; undefined = never.
   */
  set(endsAt: number | undefined): void {
    if (endsAt === this.#endsAt) return;
    this.stop();
    this.#endsAt = endsAt;
    if (endsAt !== undefined) this.#wait(endsAt);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #wait(endsAt: number): void {
    const untilWarning = endsAt - EXPIRING_MS - Date.now();
    if (untilWarning > LONGEST_TIMER_MS) this.#timer = setTimeout(() => this.#wait(endsAt), LONGEST_TIMER_MS);
    else this.#timer = setTimeout(() => this.#warn(endsAt), Math.max(0, untilWarning));
  }

  #warn(endsAt: number): void {
    const inMs = Math.max(0, endsAt - Date.now());
    const frame: ExpiringFrame = { type: "expiring", inMs };
    this.#connection.write(this.#connection.codec.frame(frame));
    this.#timer = setTimeout(() => this.#connection.close(CLOSE.unauthorized, "the token has ended"), inMs);
  }
}
