import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const TOKEN = /^g\.([A-Za-z0-9_-]{1,64})\.[A-Za-z0-9_-]{43}$/;

/** Bytes of a guest's random id: of 2^96 ids no two are the same in practice. */
const ID_BYTES = 12;

/** Ids for which random bytes are drawn at once, to save system calls. */
const POOL_IDS = 256;

/** Tokens that are cached: one connection needs that of its guest two or three times in short order. */
const TOKENS_KEPT = 1_000;

/** Digests of networks that are cached: each message of a guest needs that of its network. */
const DIGESTS_KEPT = 10_000;

/** Letters of the digest of a network: 48 bits, so that two networks of a room hardly ever have the same. */
const NETWORK_DIGEST_LENGTH = 8;

/** Creates guests and verifies their tokens, on every process that has the same secret. */
export class Guests {
  /** The first one signs. */
  #secrets: readonly string[];
  /** The newest tokens, by user. */
  readonly #tokens = new Map<string, string>();
  /** The newest digests, by network. */
  readonly #digests = new Map<string, string>();
  #pool = Buffer.alloc(0);

  /** @param secrets the first one signs, all verify; empty = none is known yet. */
  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  /** Whether a secret is known; before that no token can be made or verified. */
  get ready(): boolean {
    return this.#secret !== undefined;
  }

  /**
   * Returns a public id derived from the secret, the same on all processes and different per `purpose`;
   * undefined while no secret is known.
   */
  publicId(purpose: string): string | undefined {
    if (this.#secret === undefined) return undefined;
    return createHmac("sha256", this.#secret).update(`public:${purpose}`).digest("hex");
  }

  /**
   * Returns the digest that stands for a network towards other processes: 8 letters, the same on all of them,
   * which reveal no address without the secret; undefined while no secret is known.
   */
  networkDigest(network: string): string | undefined {
    const known = this.#digests.get(network);
    if (known !== undefined || this.#secret === undefined) return known;
    const digest = createHmac("sha256", this.#secret).update(`network:${network}`).digest("base64url");
    const cut = digest.slice(0, NETWORK_DIGEST_LENGTH);
    keep(this.#digests, network, cut, DIGESTS_KEPT);
    return cut;
  }

  /** Sets the secret that all processes share; does nothing if one is set. */
  learn(secret: string): void {
    if (this.#secrets.length === 0) this.#secrets = [secret];
  }

  /** Returns the user id of a new guest. */
  create(): string {
    if (this.#pool.length === 0) this.#pool = randomBytes(ID_BYTES * POOL_IDS);
    const id = this.#pool.toString("base64url", 0, ID_BYTES);
    this.#pool = this.#pool.subarray(ID_BYTES);
    return `g${id}`;
  }

  /**
   * Returns the token with which a client is that guest again, `g.<user>.<signature>`; undefined while no
   * secret is known.
   */
  tokenFor(user: string): string | undefined {
    if (this.#secret === undefined) return undefined;
    const token = this.#tokens.get(user) ?? tokenOf(user, this.#secret);
    keep(this.#tokens, user, token, TOKENS_KEPT);
    return token;
  }

  /**
   * Returns a text with a signature, readable, for `verify` on any process; undefined while no secret is
   * known.
   */
  sign(text: string): string | undefined {
    return this.#secret === undefined ? undefined : signedWith(this.#secret, text);
  }

  /** Returns the text of a value that `sign` made; undefined if it was signed with none of the secrets. */
  verify(signed: string): string | undefined {
    const text = Buffer.from(signed.slice(0, signed.indexOf(".")), "base64url").toString();
    return this.#secrets.some((secret) => isSame(signedWith(secret, text), signed)) ? text : undefined;
  }

  /** Returns the user id in a guest's token; undefined if it was signed with none of the secrets. */
  recognise(token: string): string | undefined {
    const user = TOKEN.exec(token)?.[1];
    if (user === undefined) return undefined;
    const expected = this.tokenFor(user);
    if (expected !== undefined && isSame(expected, token)) return user;
    const others = this.#secrets.slice(1);
    return others.some((secret) => isSame(tokenOf(user, secret), token)) ? user : undefined;
  }

  /** The secret that signs; undefined while none is known. */
  get #secret(): string | undefined {
    return this.#secrets[0];
  }
}

/** Adds a value to a cache, and forgets the one that was added first if there are more than `most`. */
function keep(cache: Map<string, string>, key: string, value: string, most: number): void {
  cache.set(key, value);
  if (cache.size <= most) return;
  const [oldest] = cache.keys();
  if (oldest !== undefined) cache.delete(oldest);
}

/** Returns the handle of a guest who gave none; the same on every process. */
export function guestHandle(user: string): string {
  return `guest-${user.slice(-4).replaceAll(/[_-]/g, "x").toLowerCase()}`;
}

function signedWith(secret: string, text: string): string {
  const encoded = Buffer.from(text).toString("base64url");
  return `${encoded}.${signatureOf(`sealed:${encoded}`, secret)}`;
}

function tokenOf(user: string, secret: string): string {
  return `g.${user}.${signatureOf(user, secret)}`;
}

/**
 * Returns the signature of a text. User ids have no colon, so that no value of `sign` has the signature of a
 * guest's token.
 */
function signatureOf(text: string, secret: string): string {
  return createHmac("sha256", secret).update(text).digest("base64url");
}

function isSame(expected: string, given: string): boolean {
  const [left, right] = [Buffer.from(expected), Buffer.from(given)];
  return left.length === right.length && timingSafeEqual(left, right);
}
