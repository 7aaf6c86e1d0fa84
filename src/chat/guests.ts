import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const TOKEN = /^g\.([A-Za-z0-9_-]{1,64})\.[A-Za-z0-9_-]{43}$/;

/** Bytes of a guest's random id: 2^96 of them, so that none meets another's. */
const ID_BYTES = 12;

/** Makes guests and knows them again, on every process that has the same secret. */
export class Guests {
  #secret: string | undefined;

  constructor(secret: string | undefined) {
    this.#secret = secret;
  }

  /** False until a secret is known: guests cannot be named then. */
  get ready(): boolean {
    return this.#secret !== undefined;
  }

  /** The secret that all processes share; the first one counts. */
  learn(secret: string): void {
    this.#secret ??= secret;
  }

  /** The user id of a guest nobody has seen before. */
  create(): string {
    return `g${randomBytes(ID_BYTES).toString("base64url")}`;
  }

  /** What a client shows to be that guest again, `g.<user>.<signature>`; undefined while no secret is known. */
  tokenFor(user: string): string | undefined {
    return this.#secret === undefined ? undefined : tokenOf(user, this.#secret);
  }

  /** The user id in a token, or undefined if it was not signed here. */
  recognise(token: string): string | undefined {
    const user = TOKEN.exec(token)?.[1];
    const expected = user === undefined ? undefined : this.tokenFor(user);
    if (expected === undefined || expected.length !== token.length) return undefined;
    return timingSafeEqual(Buffer.from(expected), Buffer.from(token)) ? user : undefined;
  }
}

/** The name of a guest who gave none; the same on every process. */
export function guestHandle(user: string): string {
  return `guest-${user.slice(-4).replaceAll(/[_-]/g, "x").toLowerCase()}`;
}

function tokenOf(user: string, secret: string): string {
  return `g.${user}.${createHmac("sha256", secret).update(user).digest("base64url")}`;
}
