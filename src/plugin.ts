// First: on a version of Node.js that is too old, nothing else must be loaded.
import "./process/supported-node.ts";

import type { FastifyInstance } from "fastify";
import fp from "fastify-plugin";
import { Chat } from "./chat/chat.ts";
import { Api } from "./http/api/api.ts";
import { InFlightRequests } from "./http/api/in-flight-requests.ts";
import { ProgramKeys } from "./http/api/program-keys.ts";
import { RequestThrottle } from "./http/api/request-throttle.ts";
import { registerHealth } from "./http/health.ts";
import { registerMetrics } from "./http/metrics/route.ts";
import { Page } from "./http/page/page.ts";
import { PageAdmission } from "./http/page/page-admission.ts";
import { StatusPage } from "./http/status/status-page.ts";
import { ApiKeys } from "./identity/api-keys.ts";
import { Authenticator } from "./identity/authenticator.ts";
import { siteTokens } from "./identity/site-tokens.ts";
import type { Logger } from "./logging/logger.ts";
import { descriptorLimit } from "./monitoring/descriptors.ts";
import { memoryLimit } from "./monitoring/memory-limit.ts";
import { Monitor } from "./monitoring/monitor.ts";
import { drawInstance, identityOf } from "./monitoring/process-identity.ts";
import { type CheckedOptions, checkPluginOptions, type DynochatOptions } from "./settings/plugin-options.ts";
import { MemoryStore } from "./store/memory/memory-store.ts";
import { RedisStore } from "./store/redis/redis-store.ts";
import type { MessageStore } from "./store/store.ts";
import { capacityOf } from "./transport/capacity.ts";
import { ClientAddresses, networkOf } from "./transport/client-address.ts";
import { Connections } from "./transport/connections.ts";
import { ChatCookies } from "./transport/cookies/chat-cookies.ts";
import { HostPolicy } from "./transport/hosts.ts";
import { OriginPolicy } from "./transport/origin.ts";

export type { AppUser } from "./identity/authenticator.ts";
export type { DynochatOptions } from "./settings/plugin-options.ts";

declare module "fastify" {
  interface FastifyInstance {
    dynochat: { readonly chat: Chat; readonly sockets: Connections };
  }
}

/**
 * The chat as a Fastify plugin: the sockets `/ws` and `/websocket`, the HTTP interface below `/api`, and,
 * unless the app has registered its own, `/livez`, `/readyz` and `/metrics`; on `/` the page and its socket,
 * and with it the operator's page `/status`. The registration rejects with a sentence if the app has another
 * of these routes. All other requests are left to the app. `app.close()` drains the chat before it closes;
 * `app.dynochat.sockets.drain.begin()` drains it earlier.
 */
export const dynochat = fp<DynochatOptions>(register, { fastify: "5.x", name: "dynochat" });

async function register(app: FastifyInstance, options: DynochatOptions): Promise<void> {
  if (app.hasDecorator("dynochat")) {
    throw new Error("dynochat is registered in this app already, or the app has a decorator of that name.");
  }
  try {
    await build(app, options);
  } catch (error) {
    throw explainCollision(error);
  }
}

async function build(app: FastifyInstance, options: DynochatOptions): Promise<void> {
  const settings = checkPluginOptions(options);
  const store = settings.store ?? storeFor(settings, app.log, settings.instance ?? drawInstance());
  const chat = new Chat(store, settings, app.log, {
    siteTokens: siteTokens(settings, app.log),
    authorize: settings.authorize,
  });
  const monitor = new Monitor(chat, store, identityOf(store.instance, process.env), {
    maxLoopDelayMs: settings.maxLoopDelayMs,
    memory: shareOfMemory(settings.processes),
  });
  const addresses = new ClientAddresses(app.log);
  const hosts = new HostPolicy(settings.allowedHosts, app.log);
  const origins = new OriginPolicy(settings.allowedOrigins, app.log);
  const cookies = new ChatCookies(chat.guests, {
    isLasting: settings.secret !== undefined || store.kind === "redis",
    redisPrefix: settings.redisPrefix,
    mountPath: app.prefix,
  });
  const appUsers =
    settings.authenticate === undefined
      ? undefined
      : new Authenticator(settings.authenticate, {
          logger: app.log,
          // Before the store was ever live, no sign-out is known either.
          now: () => store.now() || Date.now(),
          networkOf: (request) => networkOf(addresses.of(request)),
        });
  const capacity = capacityOf(settings, descriptorLimit());
  const connections = new Connections(
    chat,
    { ...settings, capacity },
    { addresses, cookies, appUsers, hosts, origins, overload: () => monitor.overload },
  );
  const { gate, drain, routes } = connections;
  const apiKeys = new ApiKeys(settings.apiKeys ?? []);
  const throttle = new RequestThrottle(chat, addresses);
  const underWay = new InFlightRequests(addresses, chat.counters);
  const programs = new ProgramKeys(apiKeys, { addresses, counters: chat.counters, logger: app.log });
  const api = new Api(chat, programs, {
    connections,
    cookies,
    appUsers,
    throttle,
    underWay,
    ownsPath: settings.page,
  });
  const admission = new PageAdmission({
    gate,
    underWay,
    counters: chat.counters,
    mountPath: app.prefix,
  });
  const page = settings.page ? await Page.open({ cookies, appUsers }, settings) : undefined;
  app.decorate("dynochat", { chat, sockets: connections });
  routes.takeUpgrades(app);
  // Outside the page's scope: its headers are computed for each request, and the answer to an upgrade would
  // not have them.
  routes.register(app);
  await api.register(app);
  // In a scope of its own: the embedding app must not get the page's headers.
  await app.register(async (scope) => {
    scope.addHook("onRequest", admission.admit);
    await page?.register(scope);
    if (page !== undefined) {
      routes.registerBesidePage(scope, page.serve);
      const { files } = page;
      await new StatusPage({ chat, gate, monitor, keys: apiKeys, programs, files }).register(scope);
    }
    registerHealth(scope, chat, gate);
    registerMetrics(scope, monitor, settings.metrics, programs);
  });
  app.addHook("onReady", async () => {
    chat.start();
    monitor.start(connections);
    connections.start();
    underWay.start();
    admission.start();
  });
  app.addHook("preClose", () => drain.begin());
  app.addHook("onClose", async () => {
    monitor.stop();
    connections.stop();
    underWay.stop();
    admission.stop();
    await chat.close();
  });
}

/** Returns the bytes that this process may use; undefined if no limit is known. */
function shareOfMemory(processes: number): number | undefined {
  const limit = memoryLimit(process.env);
  return limit === undefined ? undefined : limit / processes;
}

function storeFor(settings: CheckedOptions, logger: Logger, instance: string): MessageStore {
  const { redisUrl: url, redisPrefix: prefix, redisTlsVerify: tlsVerify, redisCa: ca } = settings;
  if (url === undefined) return new MemoryStore(settings, Date.now, undefined, instance);
  const { redisMinReplicas: minReplicas } = settings;
  const options = { url, prefix, tlsVerify, minReplicas, instance, ...(ca === undefined ? {} : { ca }) };
  return new RedisStore(options, settings, logger);
}

/**
 * Returns an error that says what to do where `error` is Fastify's for a route that the surrounding app has
 * already; other errors are returned as they are.
 */
function explainCollision(error: unknown): unknown {
  if (!(error instanceof Error && "code" in error && error.code === "FST_ERR_DUPLICATED_ROUTE")) return error;
  const route = /for route '([^']*)'/.exec(error.message)?.[1] ?? "";
  return new Error(
    `dynochat needs the route ${route}, which this app has already. Remove that route from the app, register dynochat in a ` +
      "scope with a prefix, or, if it is a route of the chat page, register dynochat with page: false.",
    { cause: error },
  );
}
