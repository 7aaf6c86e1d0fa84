import { createHash, createHmac, scryptSync, timingSafeEqual } from "node:crypto";

/** Random-looking bytes of a program's user id: 2^96 of them, so that no two keys are one user. */
const ID_BYTES = 12;

/** Never one that a guest or a user of the embedding site can have. */
const ID_PREFIX = "p-";

/** The same on every process and at every start, because the ids are. */
const SALT = "dynochat program";

interface Program {
  readonly digest: Buffer;
  readonly user: string;
}

/** The keys of programs (API_KEYS). Each key is one user, on every process and after every restart. */
export class ApiKeys {
  readonly #programs: readonly Program[];

  /** Takes some 50 ms a key, once: everybody sees the ids, so guessing a key from one must be slow (scrypt, RFC 7914). */
  constructor(keys: readonly string[]) {
    this.#programs = keys.map((key) => ({ digest: digestOf(key), user: userOf(key) }));
  }

  /** Whether there are none: nothing that wants a key can be done here. */
  get isEmpty(): boolean {
    return this.#programs.length === 0;
  }

  /** The user id of the program that has this key, or undefined if nobody has. */
  recognise(key: string): string | undefined {
    return this.#programOf(key)?.user;
  }

  /** `text` signed with this key (HMAC, SHA-256); undefined if nobody has the key. */
  sign(key: string, text: string): string | undefined {
    const program = this.#programOf(key);
    return program === undefined ? undefined : signatureOf(program, text).toString("base64url");
  }

  /** Whether `text` was signed with one of the keys. */
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
    // Digests of equal length, and all of them: the time it takes tells neither how much of a key was right nor of which.
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
