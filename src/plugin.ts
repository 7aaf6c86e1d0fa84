import type { FastifyInstance } from "fastify";
import fp from "fastify-plugin";
import { Chat } from "./chat/chat.ts";
import { registerHealth } from "./http/health.ts";
import { Page } from "./http/page.ts";
import { siteTokens } from "./identity/site-tokens.ts";
import type { Log } from "./log/log.ts";
import { MemoryLog } from "./log/memory.ts";
import { RedisLog } from "./log/redis/redis-log.ts";
import type { Logger } from "./logger.ts";
import { readSettings, type Settings } from "./settings.ts";
import { Sockets } from "./sockets/sockets.ts";

/** What belongs to the process and its server, and is therefore the surrounding app's own affair. */
type ProcessSettings = "port" | "host" | "webConcurrency" | "logLevel" | "trustProxy";

/** The program's settings (README, "Settings") by their names here: `REDIS_URL` is `redisUrl`. All have defaults. */
export interface DynochatOptions extends Partial<Omit<Settings, ProcessSettings>> {
  /** False leaves `/` to the app: no chat page, and no socket there. Default true. */
  readonly page?: boolean;
  /** Where messages live. Default: Redis if there is a `redisUrl`, else memory. Closed with the app. */
  readonly log?: Log;
}

declare module "fastify" {
  interface FastifyInstance {
    dynochat: { readonly chat: Chat; readonly sockets: Sockets };
  }
}

/**
 * The chat as a Fastify plugin: the sockets `/ws` and `/websocket`, `/livez` and `/readyz`, and on `/` the page and
 * its socket. Everything else passes through. `app.close()` drains the chat before it closes;
 * `app.dynochat.sockets.drain.begin()` drains it earlier.
 */
export const dynochat = fp<DynochatOptions>(register, { fastify: "5.x", name: "dynochat" });

async function register(app: FastifyInstance, options: DynochatOptions): Promise<void> {
  const settings = { ...readSettings({}), ...options };
  const chat = new Chat(
    options.log ?? logFor(settings, app.log),
    settings,
    app.log,
    siteTokens(settings, app.log),
  );
  const sockets = new Sockets(chat, settings);
  const page = options.page === false ? undefined : new Page(chat.guests, settings);
  app.decorate("dynochat", { chat, sockets });
  await sockets.takeUpgrades(app);
  // Outside the page's scope: its headers are made for each request, and an upgrade's answer would not carry them.
  sockets.route(app);
  // In a scope of its own: the page's headers are nothing to the app around it.
  await app.register(async (scope) => {
    await page?.register(scope);
    if (page !== undefined) sockets.routeBesidePage(scope, page.serve);
    registerHealth(scope, chat, () => sockets.drain.begun);
  });
  app.addHook("onReady", async () => chat.start());
  app.addHook("preClose", () => sockets.drain.begin());
  app.addHook("onClose", async () => {
    sockets.close();
    await chat.close();
  });
}

function logFor(settings: Settings, logger: Logger): Log {
  const { redisUrl: url, redisPrefix: prefix, redisTlsVerify: tlsVerify, redisCa: ca } = settings;
  if (url === undefined) return new MemoryLog(settings);
  const { redisMinReplicas: minReplicas } = settings;
  const options = { url, prefix, tlsVerify, minReplicas, ...(ca === undefined ? {} : { ca }) };
  return new RedisLog(options, settings, logger);
}
