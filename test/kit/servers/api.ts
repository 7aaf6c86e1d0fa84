import fastify, { type FastifyInstance, type FastifyServerOptions } from "fastify";
import { type DynochatOptions, dynochat } from "../../../src/plugin.ts";
import { afterwards } from "../vitest/cleanup.ts";

/** A program's key. */
export const KEY = "0123456789abcdef";

/** The key of another program. */
export const OTHER_KEY = "fedcba9876543210";

/** The headers of a program. */
export function withKey(key = KEY, more: Record<string, string> = {}): Record<string, string> {
  return { authorization: `Bearer ${key}`, ...more };
}

/**
 * The chat as a plugin of an app that does not listen; ends with the test. By default the store is in memory.
 * `server`: options of the app itself.
 */
export async function openApi(
  options: DynochatOptions = {},
  server: FastifyServerOptions = {},
): Promise<FastifyInstance> {
  const app: FastifyInstance = fastify({ forceCloseConnections: true, ...server });
  afterwards(() => app.close());
  await app.register(dynochat, {
    apiKeys: [KEY, OTHER_KEY],
    secret: "s".repeat(32),
    shutdownSeconds: 0,
    ...options,
  });
  await app.ready();
  return app;
}

/** What the answer to `POST /api/session` makes a browser send from then on. */
export function cookiesOf(answer: { readonly cookies: readonly { name: string; value: string }[] }): string {
  return answer.cookies.map(({ name, value }) => `${name}=${encodeURIComponent(value)}`).join("; ");
}

export const MESSAGES = "/api/rooms/lobby/messages";

/** Says something over HTTP; as a program, where nothing else is given. */
export function say(app: FastifyInstance, text: string, headers: Record<string, string> = withKey()) {
  return app.inject({ method: "POST", url: MESSAGES, headers, payload: { text } });
}
