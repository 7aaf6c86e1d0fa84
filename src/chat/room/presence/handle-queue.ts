import type { Logger } from "../../../logging/logger.ts";
import {
  type HandleClaim,
  type LeftHandle,
  type MessageStore,
  StoreUnavailable,
} from "../../../store/store.ts";

/**
 * How long a user who has left keeps the handle, ms: a process that the user has moved to needs up to 100 ms
 * to record them (presence-batcher.ts).
 */
const KEPT_MS = 250;

/**
 * Asks the store which handles the users of one room have. A request is sent at the end of the tick, or when
 * the request before it is answered: when a thousand users return at once, each request asks for many
 * handles. What the store did not answer is asked again by the next presence sync.
 */
export class HandleQueue {
  readonly #room: string;
  readonly #store: MessageStore;
  readonly #logger: Logger;
  readonly #onSettled: (user: string, wanted: string, handle: string) => void;
  /** By user; the last claim of a user counts. Emptied by each request. */
  #claims = new Map<string, HandleClaim>();
  /** Users who have left, by user id, and when; the oldest first. An entry is removed after `KEPT_MS`. */
  readonly #left = new Map<string, LeftHandle & { readonly at: number }>();
  #next: NodeJS.Immediate | undefined;
  #leaving: NodeJS.Timeout | undefined;
  #isAsking = false;

  /** @param onSettled called with each handle that the store answered. */
  constructor(
    room: string,
    store: MessageStore,
    logger: Logger,
    onSettled: (user: string, wanted: string, handle: string) => void,
  ) {
    this.#room = room;
    this.#store = store;
    this.#logger = logger;
    this.#onSettled = onSettled;
  }

  /** Claims a handle for a user who is in the room. */
  claim(claim: HandleClaim): void {
    this.#left.delete(claim.user);
    this.#claims.set(claim.user, claim);
    if (!this.#isAsking) this.#next ??= setImmediate(this.#ask);
  }

  /** Releases the handle of a user who has left the room. */
  leave(left: LeftHandle): void {
    this.#claims.delete(left.user);
    this.#left.delete(left.user);
    this.#left.set(left.user, { ...left, at: performance.now() });
    this.#leaving ??= setTimeout(this.#release, KEPT_MS);
  }

  /** Drops what was not asked yet: handles of users who left stay claimed until the claims expire. */
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
      if (claim !== undefined) this.#onSettled(claim.user, claim.requested.handle, handle);
    }
    if (this.#claims.size > 0) this.#next ??= setImmediate(this.#ask);
  };

  readonly #release = async (): Promise<void> => {
    const before = performance.now() - KEPT_MS;
    const left: LeftHandle[] = [];
    for (const [user, leftHandle] of this.#left) {
      if (leftHandle.at > before) break;
      this.#left.delete(user);
      left.push(leftHandle);
    }
    const [next] = this.#left.values();
    this.#leaving = next === undefined ? undefined : setTimeout(this.#release, Math.ceil(next.at - before));
    if (left.length > 0) await this.#settle([], left);
  };

  /** Returns the handles of the claims, in their order; none if the store did not answer. Never rejects. */
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
