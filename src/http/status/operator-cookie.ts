import type { IncomingMessage } from "node:http";
import { parse, serialize } from "cookie";
import { PASS_MS } from "../../identity/operator-passes.ts";

/**
 * The whole name in older versions; still read, and set together with the new one unless another chat's pass
 * has it.
 */
const OLD_NAME = "dynochat_operator";

/** The cookie is sent only to the operator's page, and only by its own pages. */
const OPTIONS = { path: "/status", httpOnly: true, sameSite: "strict" } as const;

/**
 * Characters of a program's id in a cookie's name: chats with one host name have different keys, and so
 * different names.
 */
const ID_LENGTH = 12;

/** Most passes that are tried in one request: each costs a signature per key. */
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
 * Returns the Set-Cookie headers that keep a pass of the program `user`, and delete this chat's other passes:
 * the browser acts as the program that signed in last.
 * @param isOurs tells whether a pass was signed with one of this chat's keys.
 * @param secure whether the request came by https.
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
  const kept = names.map((name) => serialize(name, pass, { ...OPTIONS, secure, maxAge: PASS_MS / 1000 }));
  return [...kept, ...forgottenCookies(request, isOurs, secure, names)];
}

/**
 * Returns the Set-Cookie headers that delete this chat's passes, and no other chat's.
 * @param kept names of the cookies that are not deleted.
 */
export function forgottenCookies(
  request: IncomingMessage,
  isOurs: (pass: string) => boolean,
  secure: boolean,
  kept: readonly string[] = [],
): string[] {
  const names = [...passesOf(request)]
    .filter(([name, pass]) => !kept.includes(name) && isOurs(pass))
    .map(([name]) => name);
  return names.map((name) => serialize(name, "", { ...OPTIONS, secure, maxAge: 0 }));
}
