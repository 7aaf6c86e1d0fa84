import type { FastifyInstance } from "fastify";
import fp from "fastify-plugin";
import { Chat } from "./chat/chat.ts";
import type { ChatOptions } from "./chat/services.ts";
import type { SiteTokens } from "./chat/site-token.ts";
import { registerHealth } from "./http/health.ts";
import { Page } from "./http/page.ts";
import type { Log } from "./log/log.ts";
import { type SocketOptions, Sockets } from "./sockets/sockets.ts";

export interface DynochatOptions extends ChatOptions, SocketOptions {
  /** Where messages live; the plugin starts it, and closes it with the app. */
  readonly log: Log;
  /** The site's own tokens; undefined = everyone is a guest. */
  readonly siteTokens?: SiteTokens | undefined;
}

declare module "fastify" {
  interface FastifyInstance {
    dynochat: { readonly chat: Chat; readonly sockets: Sockets };
  }
}

/**
 * The chat as a Fastify plugin: the sockets `/ws`, `/websocket` and `/`, the page, `/livez` and `/readyz`.
 * Everything else passes through. `app.dynochat.sockets.drain.begin()` empties the process; `app.close()` does it too.
 */
export const dynochat = fp<DynochatOptions>(register, { fastify: "5.x", name: "dynochat" });

async function register(app: FastifyInstance, options: DynochatOptions): Promise<void> {
  const chat = new Chat(options.log, options, app.log, options.siteTokens);
  const sockets = new Sockets(chat, options);
  const { defaultRoom, maxTextLength } = options;
  const page = new Page(chat.guests, { defaultRoom, maxTextLength });
  app.decorate("dynochat", { chat, sockets });
  // In a scope of its own: the page's headers and the sockets' hooks are nothing to the app around it.
  await app.register(async (scope) => {
    await page.register(scope);
    await sockets.register(scope, page.serve);
    registerHealth(scope, chat, () => sockets.drain.begun);
  });
  app.addHook("onReady", async () => chat.start());
  app.addHook("preClose", () => sockets.drain.begin());
  app.addHook("onClose", async () => {
    sockets.close();
    await chat.close();
  });
}
