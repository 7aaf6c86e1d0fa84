import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { parse } from "cookie";
import type { Guests } from "../../chat/guests.ts";

/** What a cookie stands for: a guest, or a session over HTTP. */
export type CookieKind = "guest" | "session";

/**
 * The names of older versions, the same for every chat. They are still read, and set together with the new
 * ones: during a deploy processes of both versions answer one browser.
 */
const OLD_NAMES: Readonly<Record<CookieKind, string>> = { guest: "dynochat", session: "dynochat-session" };

/** Cookies of other chats and of former secrets that a browser may keep, per kind. */
export const OTHERS_KEPT = 16;

/**
 * Values that are tried per kind and request: the others that are kept, and this chat's own under both names.
 */
const VALUES_TRIED = OTHERS_KEPT + 2;

const KINDS: readonly CookieKind[] = ["guest", "session"];

/** Hexadecimal digits of a chat's id. */
const ID_LENGTH = 12;

export interface ChatCookieOptions {
  /** Whether the secret is kept after the process ends: it is a setting, or stored in Redis. */
  readonly isLasting: boolean;
  /** Distinguishes chats that have the same secret. */
  readonly redisPrefix: string;
  /** The path at which the surrounding app has mounted the chat. */
  readonly mountPath: string;
}

/**
 * Names a chat's cookies. A browser keeps cookies by host name, without the port; hence the names contain an
 * id of the chat, derived from its secret, and all processes of a chat use the same names. If the secret ends
 * with its process, every start would leave cookies of a new name; then the id is derived from the address.
 */
export class ChatCookies {
  readonly guests: Guests;
  readonly #options: ChatCookieOptions;

  constructor(guests: Guests, options: ChatCookieOptions) {
    this.guests = guests;
    this.#options = options;
  }

  /**
   * Returns the values of a request's cookies of one kind, this chat's own first, at most `VALUES_TRIED`; the
   * caller must verify them. The others count, too: a secret may be replaced while browsers hold cookies
   * named after it.
   */
  valuesOf(kind: CookieKind, request: IncomingMessage): string[] {
    const own = this.#nameFor(kind, request);
    const held = heldCookies(kind, request);
    return [...held]
      .sort(([one], [other]) => Number(other === own) - Number(one === own))
      .slice(0, VALUES_TRIED)
      .map(([, value]) => value);
  }

  /** Returns whether a request has cookies that cannot be verified yet, because no secret is known. */
  areUnreadable(request: IncomingMessage): boolean {
    return !this.guests.ready && KINDS.some((kind) => heldCookies(kind, request).length > 0);
  }

  /**
   * Returns the names under which a value of this chat is to be set: its own, and the old one unless another
   * chat's cookie is there.
   * @param isOurs tells whether this chat has signed a value.
   */
  namesFor(kind: CookieKind, request: IncomingMessage, isOurs: (value: string) => boolean): string[] {
    const old = OLD_NAMES[kind];
    const held = new Map(heldCookies(kind, request)).get(old);
    const own = this.#nameFor(kind, request);
    return held === undefined || isOurs(held) ? [own, old] : [own];
  }

  /**
   * Returns the Set-Cookie headers that delete the oldest cookies of a browser that holds more than
   * `OTHERS_KEPT`.
   */
  deletions(request: IncomingMessage): string[] {
    return KINDS.flatMap((kind) => {
      const own = this.#nameFor(kind, request);
      // A browser sends the oldest first (RFC 6265, section 5.4).
      const others = heldCookies(kind, request).filter(([name]) => name !== own && name !== OLD_NAMES[kind]);
      return others.slice(0, -OTHERS_KEPT).map(([name]) => removal(name));
    });
  }

  /** Returns the Set-Cookie headers that delete what this chat has signed of the cookies of a request. */
  removals(request: IncomingMessage): string[] {
    const { guests } = this;
    return [
      ...this.#removalsOf("guest", request, (value) => guests.recognise(value) !== undefined),
      ...this.#removalsOf("session", request, (value) => guests.verify(value) !== undefined),
    ];
  }

  #removalsOf(kind: CookieKind, request: IncomingMessage, isOurs: (value: string) => boolean): string[] {
    return heldCookies(kind, request)
      .filter(([, value]) => isOurs(value))
      .map(([name]) => removal(name));
  }

  #nameFor(kind: CookieKind, { headers }: IncomingMessage): string {
    const { isLasting, redisPrefix, mountPath } = this.#options;
    const port = /:(\d+)$/.exec(headers.host ?? "")?.[1] ?? "";
    const id = isLasting
      ? this.guests.publicId(redisPrefix)
      : createHash("sha256").update(`${port} ${mountPath}`).digest("hex");
    return `${prefixOf(kind)}${(id ?? "").slice(0, ID_LENGTH)}`;
  }
}

function removal(name: string): string {
  return `${name}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax`;
}

function prefixOf(kind: CookieKind): string {
  return `dynochat-${kind}-`;
}

/** Returns the cookies of a kind that a request has, of any chat. */
function heldCookies(kind: CookieKind, { headers }: IncomingMessage): [name: string, value: string][] {
  const prefix = prefixOf(kind);
  return Object.entries(parse(headers.cookie ?? "")).flatMap(([name, value]) =>
    value !== undefined && (name === OLD_NAMES[kind] || name.startsWith(prefix)) ? [[name, value]] : [],
  );
}
