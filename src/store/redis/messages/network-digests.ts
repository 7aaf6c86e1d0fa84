import { createHmac } from "node:crypto";

/** Digests that are kept, more than a process has connections. */
const KEPT = 20_000;
const LETTERS = 16;

/**
 * Makes names of networks that keys may contain, because an address is personal data. Only with the secret
 * can an address be found, by trying all of them. Processes with the same secret make the same names.
 */
export class NetworkDigests {
  #secret: string;
  /** Digests by network. Emptied when it is full, and when the secret changes. */
  readonly #digests = new Map<string, string>();

  constructor(secret: string) {
    this.#secret = secret;
  }

  /** Changes the secret. */
  use(secret: string): void {
    this.#secret = secret;
    this.#digests.clear();
  }

  /** Returns the name of a network: 16 characters of base64url, 96 bits. */
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
