import type { IncomingMessage } from "node:http";
import { parse, serialize } from "cookie";
import { PASS_MS } from "../../identity/operator-passes.ts";

/** In versions before this one the whole name; still read, and set beside the new one unless another chat's pass is there. */
const OLD_NAME = "dynochat_operator";

/** Only the operator's page gets it, and only from its own pages. */
const OPTIONS = { path: "/status", httpOnly: true, sameSite: "strict" } as const;

/** Characters of a program's id in a cookie's name: chats of one host name have keys of their own, and so each its name. */
const ID_LENGTH = 12;

/** Passes that are looked at in one request: each costs a signature per key. */
const PASSES_TRIED = 16;

/** Returns the passes in a request's cookies, by cookie name; also those of other chats of this host name. */
export function passesOf({ headers }: IncomingMessage): ReadonlyMap<string, string> {
  const cookies = Object.entries(parse(headers.cookie ?? ""));
  const passes = cookies.flatMap(([name, value]): [string, string][] =>
    value !== undefined && (name === OLD_NAME || name.startsWith(`${OLD_NAME}_`)) ? [[name, value]] : [],
  );
  return new Map(passes.slice(0, PASSES_TRIED));
}

/**
 * Returns the Set-Cookie headers that keep a pass of the program `user`.
 * @param isOurs tells whether a pass was signed with one of this chat's keys.
 * @param secure whether the browser came by https.
 */
export function operatorCookies(
  pass: string,
  user: string,
  request: IncomingMessage,
  isOurs: (pass: string) => boolean,
  secure: boolean,
): string[] {
  const old = passesOf(request).get(OLD_NAME);
  const own = `${OLD_NAME}_${user.replace(/^p-/, "").slice(0, ID_LENGTH)}`;
  const names = old === undefined || isOurs(old) ? [own, OLD_NAME] : [own];
  return names.map((name) => serialize(name, pass, { ...OPTIONS, secure, maxAge: PASS_MS / 1000 }));
}

/** Returns the Set-Cookie headers that make a browser forget this chat's passes, and no other's. */
export function forgottenCookies(
  request: IncomingMessage,
  isOurs: (pass: string) => boolean,
  secure: boolean,
): string[] {
  const names = [...passesOf(request)].filter(([, pass]) => isOurs(pass)).map(([name]) => name);
  return names.map((name) => serialize(name, "", { ...OPTIONS, secure, maxAge: 0 }));
}
