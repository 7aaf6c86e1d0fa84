import type { ApiKeys } from "./api-keys.ts";

/** How long somebody who showed a key is believed, ms. */
export const PASS_MS = 12 * 60 * 60 * 1000;

/** Sets a pass apart from whatever else a key may sign. */
const PURPOSE = "dynochat operator until ";

/**
 * What a browser keeps instead of the key: until when it holds, signed with the key. Every process can check it, and it
 * is worth nothing once its key is no longer one of API_KEYS.
 */
export class OperatorPasses {
  readonly #keys: ApiKeys;

  constructor(keys: ApiKeys) {
    this.#keys = keys;
  }

  /** A pass for who has this key; undefined if nobody has. `now`: ms since 1970. */
  issue(key: string, now: number): string | undefined {
    const until = String(now + PASS_MS);
    const signature = this.#keys.sign(key, PURPOSE + until);
    return signature === undefined ? undefined : `${until}.${signature}`;
  }

  /** Whether it is a pass, and still holds. */
  holds(pass: string, now: number): boolean {
    const [until = "", signature = "", ...more] = pass.split(".");
    return more.length === 0 && Number(until) > now && this.#keys.hasSigned(PURPOSE + until, signature);
  }
}
