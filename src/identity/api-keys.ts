import { createHash, createHmac, scryptSync, timingSafeEqual } from "node:crypto";

/** Bytes of a program's user id; with 2^96 values no two keys have the same user. */
const ID_BYTES = 12;

/** Prefix that no id of a guest or of a user of the embedding site has. */
const ID_PREFIX = "p-";

/** Salt of the ids; constant, so that the ids are the same on every process and after every restart. */
const SALT = "dynochat program";

interface Program {
  readonly digest: Buffer;
  readonly user: string;
}

/**
 * The keys of programs (API_KEYS). Each key is one user, the same on every process and after every restart.
 */
export class ApiKeys {
  readonly #programs: readonly Program[];

  /**
   * Takes some 50 ms per key, once: all users see the ids, so guessing a key from its id must be slow
   * (scrypt, RFC 7914).
   */
  constructor(keys: readonly string[]) {
    this.#programs = keys.map((key) => ({ digest: digestOf(key), user: userOf(key) }));
  }

  /** Whether there are no keys, so that nothing that needs a key is possible. */
  get isEmpty(): boolean {
    return this.#programs.length === 0;
  }

  /** Returns the user id of the program with this key; undefined for an unknown key. */
  recognise(key: string): string | undefined {
    return this.#programOf(key)?.user;
  }

  /** Returns the signature of `text` with this key (HMAC, SHA-256); undefined for an unknown key. */
  sign(key: string, text: string): string | undefined {
    const program = this.#programOf(key);
    return program === undefined ? undefined : signatureOf(program, text).toString("base64url");
  }

  /** Returns whether `text` was signed with one of the keys. */
  hasSigned(text: string, signature: string): boolean {
    const given = Buffer.from(signature, "base64url");
    return this.#programs.some((program) => {
      const own = signatureOf(program, text);
      return own.length === given.length && timingSafeEqual(own, given);
    });
  }

  #programOf(key: string): Program | undefined {
    const digest = digestOf(key);
    let found: Program | undefined;
    // All digests are compared, and they have equal length, so that the time tells neither how much of a key
    // was right nor of which key.
    for (const program of this.#programs) if (timingSafeEqual(program.digest, digest)) found = program;
    return found;
  }
}

function signatureOf({ digest }: Program, text: string): Buffer {
  return createHmac("sha256", digest).update(text).digest();
}

function digestOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

function userOf(key: string): string {
  return ID_PREFIX + scryptSync(key, SALT, ID_BYTES).toString("base64url");
}
