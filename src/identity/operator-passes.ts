import type { ApiKeys, Program } from "./api-keys.ts";

/** Milliseconds for which a pass is valid. */
export const PASS_MS = 12 * 60 * 60 * 1000;

/** Prefix of the signed text, so that nothing else that a key signs is valid as a pass. */
const PURPOSE = "dynochat operator until ";

/**
 * Issues and checks what an operator's browser keeps instead of the key: an expiry time, signed with the key.
 * Every process can check it, and it is invalid as soon as its key is no longer one of API_KEYS.
 */
export class OperatorPasses {
  readonly #keys: ApiKeys;

  constructor(keys: ApiKeys) {
    this.#keys = keys;
  }

  /** Returns a pass for a key; undefined for an unknown key. `now`: ms since 1970. */
  issue(key: string, now: number): string | undefined {
    const until = String(now + PASS_MS);
    const signature = this.#keys.sign(key, PURPOSE + until);
    return signature === undefined ? undefined : `${until}.${signature}`;
  }

  /** Returns the program with whose key a pass was issued; undefined if it is no pass, or has expired. */
  operatorOf(pass: string, now: number): Program | undefined {
    const [until = "", signature = "", ...more] = pass.split(".");
    if (more.length > 0 || !(Number(until) > now)) return undefined;
    const program = this.#keys.signerOf(PURPOSE + until, signature);
    return program?.mayOperate === true ? program : undefined;
  }
}
