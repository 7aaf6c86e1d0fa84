import type { Logger } from "../../../logging/logger.ts";
import {
  type HandleClaim,
  type LeftHandle,
  type MessageStore,
  StoreUnavailable,
} from "../../../store/store.ts";

/**
 * How long a user who has left keeps the handle, ms: another process to which they have moved needs up to 100 ms to put them on
 * record (presence-batcher.ts).
 */
const KEPT_MS = 250;

/**
 * Asks the store which handles the people of one room have. A question goes before the turn ends, or when the one before it is
 * answered: of a thousand people who return at once, each question asks for many. What the store did not answer, the next roll
 * call asks again.
 */
export class HandleQueue {
  readonly #room: string;
  readonly #store: MessageStore;
  readonly #logger: Logger;
  readonly #settled: (user: string, wanted: string, handle: string) => void;
  /** By user, the last one counts. Emptied by each question. */
  #claims = new Map<string, HandleClaim>();
  /** Who has left, by user, and when; the oldest first. Emptied `KEPT_MS` later. */
  readonly #left = new Map<string, LeftHandle & { readonly at: number }>();
  #next: NodeJS.Immediate | undefined;
  #leaving: NodeJS.Timeout | undefined;
  #isAsking = false;

  /** @param settled called with each handle that the store answered. */
  constructor(
    room: string,
    store: MessageStore,
    logger: Logger,
    settled: (user: string, wanted: string, handle: string) => void,
  ) {
    this.#room = room;
    this.#store = store;
    this.#logger = logger;
    this.#settled = settled;
  }

  /** A user is in the room and wants a handle. */
  claim(claim: HandleClaim): void {
    this.#left.delete(claim.user);
    this.#claims.set(claim.user, claim);
    if (!this.#isAsking) this.#next ??= setImmediate(this.#ask);
  }

  /** A user has left the room. */
  leave(left: LeftHandle): void {
    this.#claims.delete(left.user);
    this.#left.delete(left.user);
    this.#left.set(left.user, { ...left, at: performance.now() });
    this.#leaving ??= setTimeout(this.#release, KEPT_MS);
  }

  /** Forgets what was not asked: the users who left have their handles until these end. */
  close(): void {
    clearImmediate(this.#next);
    clearTimeout(this.#leaving);
    this.#claims.clear();
    this.#left.clear();
  }

  readonly #ask = async (): Promise<void> => {
    this.#next = undefined;
    this.#isAsking = true;
    const claims = [...this.#claims.values()];
    this.#claims = new Map();
    const handles = await this.#settle(claims, []);
    this.#isAsking = false;
    for (const [index, handle] of handles.entries()) {
      const claim = claims[index];
      if (claim !== undefined) this.#settled(claim.user, claim.requested.handle, handle);
    }
    if (this.#claims.size > 0) this.#next ??= setImmediate(this.#ask);
  };

  readonly #release = async (): Promise<void> => {
    const before = performance.now() - KEPT_MS;
    const left: LeftHandle[] = [];
    for (const [user, one] of this.#left) {
      if (one.at > before) break;
      this.#left.delete(user);
      left.push(one);
    }
    const [next] = this.#left.values();
    this.#leaving = next === undefined ? undefined : setTimeout(this.#release, Math.ceil(next.at - before));
    if (left.length > 0) await this.#settle([], left);
  };

  /** The handles of the claims; none where the store did not answer. Never rejects. */
  async #settle(claims: readonly HandleClaim[], left: readonly LeftHandle[]): Promise<readonly string[]> {
    try {
      return await this.#store.settleHandles(this.#room, claims, left);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) {
        this.#logger.error({ event: "handles", room: this.#room, err: error }, "settling handles failed");
      }
      return [];
    }
  }
}
