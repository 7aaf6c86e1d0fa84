import { createHmac } from "node:crypto";

/** Digests kept at a time; more than a process has connections. */
const KEPT = 20_000;
const LETTERS = 16;

/**
 * Names for networks that keys may contain: an address is personal data. Who knows the secret can find an address by trying all of them,
 * and nobody else can. Processes that have the same secret give the same names.
 */
export class NetworkDigests {
  #secret: string;
  /** Emptied when it is full, and with each other secret. */
  readonly #digests = new Map<string, string>();

  constructor(secret: string) {
    this.#secret = secret;
  }

  /** Uses another secret from now on. */
  use(secret: string): void {
    this.#secret = secret;
    this.#digests.clear();
  }

  /** Returns the name of a network: 16 letters of base64url, 96 bits. */
  digest(network: string): string {
    const known = this.#digests.get(network);
    if (known !== undefined) return known;
    if (this.#digests.size >= KEPT) this.#digests.clear();
    const hmac = createHmac("sha256", this.#secret).update(`address ${network}`);
    const digest = hmac.digest("base64url").slice(0, LETTERS);
    this.#digests.set(network, digest);
    return digest;
  }
}
