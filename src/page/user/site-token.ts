import type { GetToken } from "../../client/connection/greeting.ts";

/** Milliseconds after which a request has failed: less than the client waits for a token. */
const TIMEOUT_MS = 8_000;

/** Status codes with which a site says that no user is signed in. */
const SIGNED_OUT: readonly number[] = [204, 401, 403];

/**
 * Returns a function that asks the site for the token of the user who is signed in; undefined if no user is. It
 * rejects if the site cannot tell now.
 * @param path a path of the page's own origin.
 */
export function siteToken(path: string): GetToken {
  return async () => {
    const answer = await fetch(path, {
      credentials: "same-origin",
      cache: "no-store",
      // A redirect leads to the page where users sign in, often of another origin.
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (answer.type === "opaqueredirect" || SIGNED_OUT.includes(answer.status)) return undefined;
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    const body: unknown = await answer.json();
    const token: unknown = typeof body === "object" && body !== null ? Reflect.get(body, "token") : undefined;
    return typeof token === "string" ? token : undefined;
  };
}
