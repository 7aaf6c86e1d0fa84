/** Wrong keys of one network within `WINDOW_MS` after which no key is tried for it. */
const WRONG_KEYS = 10;

/** From the first wrong key of a network until its wrong keys are forgotten, ms. */
const WINDOW_MS = 60_000;

/** Networks from which one program is known to come; the one that was seen first is forgotten for the next. */
const KNOWN_NETWORKS = 1_000;

interface WrongKeys {
  count: number;
  readonly endsAt: number;
}

/**
 * Bounds how many keys may be guessed from one network. A key that was right from a network before is accepted from there always, so
 * that a program goes on beside somebody who guesses behind the same address.
 */
export class KeyAttempts {
  /** In the order in which they end; those that have ended leave with the next wrong key. */
  readonly #wrong = new Map<string, WrongKeys>();
  /** By user id, of which there are as many as keys: the networks that showed its key. */
  readonly #known = new Map<string, Set<string>>();

  /**
   * Notes that a network showed a key. Returns 0 where the key counts, else the ms after which the next is tried; then it must not be
   * told whether this one was right.
   * @param user whose key it is; undefined = nobody's.
   */
  add(network: string, user: string | undefined, now: number = performance.now()): number {
    if (user !== undefined && this.#known.get(user)?.has(network) === true) return 0;
    const wrong = this.#wrong.get(network);
    const left = wrong === undefined ? 0 : wrong.endsAt - now;
    if (wrong !== undefined && left > 0 && wrong.count >= WRONG_KEYS) return Math.ceil(left);
    if (user !== undefined) this.#know(user, network);
    else this.#count(network, now);
    return 0;
  }

  #know(user: string, network: string): void {
    const networks = this.#known.get(user) ?? new Set();
    const [first] = networks;
    if (first !== undefined && networks.size >= KNOWN_NETWORKS) networks.delete(first);
    networks.add(network);
    this.#known.set(user, networks);
  }

  #count(network: string, now: number): void {
    for (const [other, { endsAt }] of this.#wrong) {
      if (endsAt > now) break;
      this.#wrong.delete(other);
    }
    const wrong = this.#wrong.get(network);
    if (wrong !== undefined) wrong.count += 1;
    else this.#wrong.set(network, { count: 1, endsAt: now + WINDOW_MS });
  }
}
