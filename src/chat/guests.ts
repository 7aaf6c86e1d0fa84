import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const TOKEN = /^g\.([A-Za-z0-9_-]{1,64})\.[A-Za-z0-9_-]{43}$/;

/** Bytes of a guest's random id: 2^96 of them, so that none meets another's. */
const ID_BYTES = 12;

/** Ids' worth of random bytes that are drawn at once: the system is asked less often. */
const POOL_IDS = 256;

/** Signatures kept: one connection asks for its guest's two or three times within a moment. */
const TOKENS_KEPT = 1_000;

/** Letters of the digest of a network: 48 bits, so that hardly two of a room meet. */
const NETWORK_DIGEST_LENGTH = 8;

/** Makes guests and knows them again, on every process that has the same secret. */
export class Guests {
  /** The first one signs. */
  #secrets: readonly string[];
  /** The newest tokens, by user. */
  readonly #tokens = new Map<string, string>();
  #pool = Buffer.alloc(0);

  /** @param secrets the first one signs, all verify; empty = none is known yet. */
  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  /** False until a secret is known: guests cannot be named then. */
  get ready(): boolean {
    return this.#secret !== undefined;
  }

  /** Returns a public name of the secret, the same on all processes, different per `purpose`; undefined while none is known. */
  publicId(purpose: string): string | undefined {
    if (this.#secret === undefined) return undefined;
    return createHmac("sha256", this.#secret).update(`public:${purpose}`).digest("hex");
  }

  /**
   * Returns what stands for a network towards other processes: 8 letters, the same on all of them, from which nobody without the secret
   * learns an address; undefined while no secret is known.
   */
  networkDigest(network: string): string | undefined {
    if (this.#secret === undefined) return undefined;
    const digest = createHmac("sha256", this.#secret).update(`network:${network}`).digest("base64url");
    return digest.slice(0, NETWORK_DIGEST_LENGTH);
  }

  /** The secret that all processes share; the first one counts. */
  learn(secret: string): void {
    if (this.#secrets.length === 0) this.#secrets = [secret];
  }

  /** The user id of a guest nobody has seen before. */
  create(): string {
    if (this.#pool.length === 0) this.#pool = randomBytes(ID_BYTES * POOL_IDS);
    const id = this.#pool.toString("base64url", 0, ID_BYTES);
    this.#pool = this.#pool.subarray(ID_BYTES);
    return `g${id}`;
  }

  /** What a client shows to be that guest again, `g.<user>.<signature>`; undefined while no secret is known. */
  tokenFor(user: string): string | undefined {
    if (this.#secret === undefined) return undefined;
    const token = this.#tokens.get(user) ?? tokenOf(user, this.#secret);
    this.#keep(user, token);
    return token;
  }

  /** Some words, readable and signed, for `unseal` on any process; undefined while no secret is known. */
  seal(words: string): string | undefined {
    return this.#secret === undefined ? undefined : sealedWith(this.#secret, words);
  }

  /** The words that were sealed, or undefined if that was not done with one of the secrets. */
  unseal(sealed: string): string | undefined {
    const words = Buffer.from(sealed.slice(0, sealed.indexOf(".")), "base64url").toString();
    return this.#secrets.some((secret) => isSame(sealedWith(secret, words), sealed)) ? words : undefined;
  }

  /** The user id in a token, or undefined if it was not signed here. */
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

  #keep(user: string, token: string): void {
    this.#tokens.set(user, token);
    if (this.#tokens.size <= TOKENS_KEPT) return;
    const [oldest] = this.#tokens.keys();
    if (oldest !== undefined) this.#tokens.delete(oldest);
  }
}

/** The name of a guest who gave none; the same on every process. */
export function guestHandle(user: string): string {
  return `guest-${user.slice(-4).replaceAll(/[_-]/g, "x").toLowerCase()}`;
}

function sealedWith(secret: string, words: string): string {
  const written = Buffer.from(words).toString("base64url");
  return `${written}.${signatureOf(`sealed:${written}`, secret)}`;
}

function tokenOf(user: string, secret: string): string {
  return `g.${user}.${signatureOf(user, secret)}`;
}

/** User ids have no colon: what is sealed is never a guest's token. */
function signatureOf(words: string, secret: string): string {
  return createHmac("sha256", secret).update(words).digest("base64url");
}

function isSame(expected: string, given: string): boolean {
  const [one, other] = [Buffer.from(expected), Buffer.from(given)];
  return one.length === other.length && timingSafeEqual(one, other);
}
