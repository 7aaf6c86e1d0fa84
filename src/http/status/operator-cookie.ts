import type { IncomingMessage } from "node:http";
import { parse, serialize } from "cookie";
import { PASS_MS } from "../../identity/operator-passes.ts";

const NAME = "dynochat_operator";

/** Only the operator's page gets it, and only from its own pages. */
const OPTIONS = { path: "/status", httpOnly: true, sameSite: "strict" } as const;

/** The pass in a request's cookie, or undefined. */
export function passOf(request: IncomingMessage): string | undefined {
  return parse(request.headers.cookie ?? "")[NAME];
}

/** The Set-Cookie header that keeps a pass; undefined = forgets it. `secure`: whether the browser came by https. */
export function operatorCookie(pass: string | undefined, secure: boolean): string {
  const maxAge = pass === undefined ? 0 : PASS_MS / 1000;
  return serialize(NAME, pass ?? "", { ...OPTIONS, secure, maxAge });
}
