/** Wrong keys per network within `WINDOW_MS`, after which its keys are not checked. */
const WRONG_KEYS = 10;

/** Milliseconds from the first wrong key of a network until its wrong keys are forgotten. */
const WINDOW_MS = 60_000;

/** Known networks per program; of more, the oldest is forgotten. */
const KNOWN_NETWORKS = 1_000;

interface WrongKeys {
  count: number;
  readonly endsAt: number;
}

/**
 * Limits how many keys can be guessed from one network. A key that was right from a network before is always
 * accepted from there, so that a program keeps working while an attacker at the same address guesses keys.
 */
export class KeyAttempts {
  /**
   * Wrong keys by network, in the order in which they end; those that have ended are removed with the next
   * wrong key.
   */
  readonly #wrong = new Map<string, WrongKeys>();
  /** The networks that sent a right key, by user id. There are as many ids as keys. */
  readonly #known = new Map<string, Set<string>>();

  /**
   * Records that a network sent a key. Returns 0 if the key counts, else the milliseconds after which the
   * next key is checked; then the answer must not tell whether this key was right.
   * @param user the user of the key; undefined for an unknown key.
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
