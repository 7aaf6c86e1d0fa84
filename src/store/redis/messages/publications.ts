import crypto, { createHash, randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import { isMessageId } from "../../../protocol/ids.ts";
import { type AccessChange, decodeAccessChange } from "../../access.ts";
import { ENTRY_BEGINS, looksLikeEntry } from "../../entry.ts";
import { SHARED } from "../node/scripts.ts";

/** Bytes of a secret, too many to be guessed. */
const SECRET_BYTES = 16;
/**
 * The form of a secret, `randomBytes` in base64url. It becomes part of a script's text, so no other value of
 * the store is accepted.
 */
const SECRET = /^[A-Za-z0-9_-]{22}$/;
const SECRET_LENGTH = 22;

/** Hexadecimal digits of a SHA-1 hash that a tag has; append.lua says why not all. */
const TAG_DIGITS = 16;
/** The member that append.lua puts after the first two: `"tag":"0123456789abcdef",`. */
const TAG_BEGINS = Buffer.from('"tag":"');
const TAG_ENDS = Buffer.from('",');
const TAG_MEMBER = TAG_BEGINS.length + TAG_DIGITS + TAG_ENDS.length;

/** Between the first two members of a frame. */
const PREV_BEGINS = Buffer.from('","prev":"');
const QUOTE = '"'.charCodeAt(0);
/** Characters of an id at most. */
const LONGEST_ID = 40;

/**
 * Distinguishes publications of append.lua from all others: only that script knows the secret of its tag. The
 * secret is in the store, where every process reads it, so every client with access to the store's keys can
 * make a tag too.
 */
export class Publications {
  readonly #key: string;
  #secret = randomBytes(SECRET_BYTES).toString("base64url");
  #secretBytes = Buffer.from(this.#secret);

  /** @param key the key under which the secret is stored. */
  constructor(key: string) {
    this.#key = key;
  }

  /** The secret with which the append script signs. */
  get secret(): string {
    return this.#secret;
  }

  /**
   * Adopts the store's secret, and returns whether it has changed. A store without one, which is new or lost
   * its data, gets this process's. Rejects with Redis's error.
   */
  async learn(redis: Redis): Promise<boolean> {
    const stored = (await redis.get(this.#key)) ?? (await SHARED.run(redis, [this.#key], [this.#secret]));
    if (stored === this.#secret) return false;
    if (typeof stored !== "string" || !SECRET.test(stored)) {
      // An invalid value: two processes may both replace it, and the next read decides which one stays.
      await redis.set(this.#key, this.#secret);
      return false;
    }
    this.#secret = stored;
    this.#secretBytes = Buffer.from(stored);
    return true;
  }

  /**
   * Returns the frame of an entry that append.lua published; undefined if the tag is missing or wrong. The
   * frame uses the memory of the payload, which is modified: the tag is overwritten with the members before
   * it. In a payload with a wrong tag the first two members stay.
   */
  verify(payload: Buffer): Buffer | undefined {
    const head = headLength(payload);
    if (head === undefined || !isAt(payload, head, TAG_BEGINS)) return undefined;
    const body = head + TAG_MEMBER;
    if (!isAt(payload, body - TAG_ENDS.length, TAG_ENDS)) return undefined;
    const tag = payload.toString("latin1", head + TAG_BEGINS.length, body - TAG_ENDS.length);
    // In place of the tag there is space for the secret before the frame, so that one piece of memory is
    // hashed by one call.
    const start = TAG_MEMBER - SECRET_LENGTH;
    payload.copyWithin(TAG_MEMBER, 0, head);
    this.#secretBytes.copy(payload, start);
    const isSigned = tag === tagOf(payload.subarray(start));
    // Removes the secret from the memory before the frame.
    if (isSigned) payload.fill(0, 0, TAG_MEMBER);
    else payload.copyWithin(0, TAG_MEMBER, body);
    return isSigned ? payload.subarray(TAG_MEMBER) : undefined;
  }

  /** Returns the entry and the change that access.lua published; undefined if it is none, or the tag is wrong. */
  verifyAccess(payload: Buffer): { readonly frame: Buffer; readonly access: AccessChange } | undefined {
    const length = headLength(payload);
    if (length === undefined || !isAt(payload, length, ACCESS_BEGINS)) return undefined;
    if (payload.length > ACCESS_BYTES) return undefined;
    const [, head = "", change = "", tag, body = ""] = ACCESS.exec(payload.toString()) ?? [];
    const access = decodeAccessChange(change);
    if (access === undefined) return undefined;
    const signed = Buffer.from(`${this.#secret}${head}"access":${change},${body}`);
    return tagOf(signed) === tag ? { frame: Buffer.from(head + body), access } : undefined;
  }
}

const ACCESS_BEGINS = Buffer.from('"access":{');
/** Bytes of the longest publication of access.lua; a reason in which every character is escaped has 2,400. */
const ACCESS_BYTES = 8 * 1024;

/** What access.lua publishes for an entry: its change stands before the tag, and is signed too. */
const ACCESS =
  /^(\{"id":"[\d-]+","prev":"[\d-]+",)"access":(\{.*\}),"tag":"([\da-f]{16})",("type":"access",.*)$/s;

/** Returns what append.lua publishes for an entry. */
export function publicationOf(frame: Buffer, secret: string): Buffer {
  const head = headLength(frame) ?? 0;
  const [first, rest] = [frame.subarray(0, head), frame.subarray(head)];
  const tag = tagOf(Buffer.concat([Buffer.from(secret), frame]));
  return Buffer.concat([first, TAG_BEGINS, Buffer.from(tag), TAG_ENDS, rest]);
}

/** Returns the id that a publication claims for its entry; undefined if it is no entry. */
export function claimedId(payload: Buffer): string | undefined {
  const end = payload.indexOf(QUOTE, ENTRY_BEGINS.length);
  if (end === -1 || end > ENTRY_BEGINS.length + LONGEST_ID) return undefined;
  const id = payload.toString("latin1", ENTRY_BEGINS.length, end);
  return isMessageId(id) ? id : undefined;
}

/**
 * Hashes with one call without an object per message, if this version of Node.js has that (20.12 and later).
 */
const sha1: (bytes: Buffer) => string =
  typeof crypto.hash === "function"
    ? (bytes) => crypto.hash("sha1", bytes, "hex")
    : (bytes) => createHash("sha1").update(bytes).digest("hex");

/** @param signed the secret followed by the frame. */
function tagOf(signed: Buffer): string {
  return sha1(signed).slice(0, TAG_DIGITS);
}

/**
 * Returns the length in bytes of `{"id":"…","prev":"…",` without checking the ids; undefined if the form is
 * another one.
 */
function headLength(frame: Buffer): number | undefined {
  if (!looksLikeEntry(frame)) return undefined;
  const prev = frame.indexOf(QUOTE, ENTRY_BEGINS.length);
  if (prev === -1 || !isAt(frame, prev, PREV_BEGINS)) return undefined;
  const end = frame.indexOf(QUOTE, prev + PREV_BEGINS.length);
  return end === -1 || !isAt(frame, end, TAG_ENDS) ? undefined : end + TAG_ENDS.length;
}

function isAt(bytes: Buffer, start: number, wanted: Buffer): boolean {
  const end = start + wanted.length;
  return end <= bytes.length && bytes.compare(wanted, 0, wanted.length, start, end) === 0;
}
