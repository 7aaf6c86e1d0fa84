import { createHash, createHmac, scryptSync, timingSafeEqual } from "node:crypto";
import type { RoomRights } from "../chat/rights/room-rights.ts";
import { handleFrom } from "../chat/text/handle.ts";
import { type ProgramKey, readProgramKey } from "./program-key.ts";

/** Bytes of a program's user id; with 2^96 values no two keys have the same user. */
const ID_BYTES = 12;

/** Prefix that no id of a guest or of a user of the embedding site has. */
const ID_PREFIX = "p-";

/** Salt of the ids; constant, so that the ids are the same on every process and after every restart. */
const SALT = "dynochat program";

/** A program with a key. */
export interface Program {
  /** Its user id, the same on every process and after every restart. */
  readonly user: string;
  readonly handle: string;
  readonly rooms: RoomRights;
  /** Whether it may see the state of the server. */
  readonly mayOperate: boolean;
}

/** A program and the digest of one of its keys. */
interface KeyHolder {
  readonly digest: Buffer;
  readonly program: Program;
}

/** The keys of programs (API_KEYS). Each key without a name is one user, and so is each name. */
export class ApiKeys {
  readonly #holders: readonly KeyHolder[];

  /**
   * Takes some 50 ms per key without a name, once: all users see the ids, so guessing a key from its id must
   * be slow (scrypt, RFC 7914).
   * @param keys as `readProgramKey` reads them; others are left out.
   */
  constructor(keys: readonly string[]) {
    this.#holders = keys
      .map(readProgramKey)
      .filter((key) => key !== undefined)
      .map((key) => ({ digest: digestOf(key.key), program: programOf(key) }));
  }

  /** Whether there are no keys, so that nothing that needs a key is possible. */
  get isEmpty(): boolean {
    return this.#holders.length === 0;
  }

  /** Returns the program with this key; undefined for an unknown key. */
  recognise(key: string): Program | undefined {
    return this.#holderOf(key)?.program;
  }

  /** Returns the signature of `text` with this key (HMAC, SHA-256); undefined for an unknown key. */
  sign(key: string, text: string): string | undefined {
    const holder = this.#holderOf(key);
    return holder === undefined ? undefined : signatureOf(holder, text).toString("base64url");
  }

  /** Returns the program with whose key `text` was signed; undefined if there is none. */
  signerOf(text: string, signature: string): Program | undefined {
    const given = Buffer.from(signature, "base64url");
    return this.#holders.find((holder) => {
      const own = signatureOf(holder, text);
      return own.length === given.length && timingSafeEqual(own, given);
    })?.program;
  }

  #holderOf(key: string): KeyHolder | undefined {
    const digest = digestOf(key);
    let found: KeyHolder | undefined;
    // All digests are compared, and they have equal length, so that the time tells neither how much of a key
    // was right nor of which key.
    for (const holder of this.#holders) if (timingSafeEqual(holder.digest, digest)) found = holder;
    return found;
  }
}

function programOf({ key, name, rooms, mayOperate }: ProgramKey): Program {
  const user = name === undefined ? userOf(key) : ID_PREFIX + name;
  const handle = handleFrom(name ?? "") ?? `program-${user.slice(-4).replaceAll(/[_-]/g, "x").toLowerCase()}`;
  return { user, handle, rooms, mayOperate };
}

function signatureOf({ digest }: KeyHolder, text: string): Buffer {
  return createHmac("sha256", digest).update(text).digest();
}

function digestOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

function userOf(key: string): string {
  return ID_PREFIX + scryptSync(key, SALT, ID_BYTES).toString("base64url");
}
