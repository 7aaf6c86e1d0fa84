// First: on a version of Node.js that is too old, nothing else needs to be loaded.
import "./supported-node.ts";

import type { FastifyInstance } from "fastify";
import fp from "fastify-plugin";
import { Chat } from "./chat/chat.ts";
import { explainCollision } from "./collision.ts";
import { Api } from "./http/api.ts";
import { ChatCookies } from "./http/chat-cookies.ts";
import { ClientAddresses } from "./http/client-address.ts";
import { registerHealth } from "./http/health.ts";
import { HostPolicy } from "./http/hosts.ts";
import { registerMetrics } from "./http/metrics/route.ts";
import { OriginPolicy } from "./http/origin.ts";
import { Page } from "./http/page.ts";
import { PageAdmission } from "./http/page-admission.ts";
import { Programs } from "./http/programs.ts";
import { RequestTurns } from "./http/request-turns.ts";
import { RequestsUnderWay } from "./http/requests-under-way.ts";
import { StatusPage } from "./http/status/status-page.ts";
import { ApiKeys } from "./identity/api-keys.ts";
import { siteTokens } from "./identity/site-tokens.ts";
import type { Log } from "./log/log.ts";
import { MemoryLog } from "./log/memory.ts";
import { RedisLog } from "./log/redis/redis-log.ts";
import type { Logger } from "./logger.ts";
import { type CheckedOptions, checkPluginOptions, type DynochatOptions } from "./plugin-options.ts";
import { capacityOf } from "./sockets/capacity.ts";
import { Sockets } from "./sockets/sockets.ts";
import { descriptorLimit } from "./watch/descriptors.ts";
import { drawInstance, identityOf } from "./watch/identity.ts";
import { memoryLimit } from "./watch/memory-limit.ts";
import { Watch } from "./watch/watch.ts";

export type { DynochatOptions } from "./plugin-options.ts";

declare module "fastify" {
  interface FastifyInstance {
    dynochat: { readonly chat: Chat; readonly sockets: Sockets };
  }
}

/**
 * The chat as a Fastify plugin: the sockets `/ws` and `/websocket`, the HTTP interface below `/api`, and, where the app has none of
 * its own by then, `/livez`, `/readyz` and `/metrics`; on `/` the page and its socket, and the operator's page `/status` with it. The
 * registration rejects with a sentence where the app has another of these routes. Everything else passes through. `app.close()`
 * drains the chat before it closes; `app.dynochat.sockets.drain.begin()` drains it earlier.
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
  const log = settings.log ?? logFor(settings, app.log, settings.instance ?? drawInstance());
  const chat = new Chat(log, settings, app.log, siteTokens(settings, app.log));
  const watch = new Watch(chat, log, identityOf(log.instance, process.env), {
    maxLoopDelayMs: settings.maxLoopDelayMs,
    memory: shareOfMemory(settings.processes),
  });
  const addresses = new ClientAddresses(app.log);
  const hosts = new HostPolicy(settings.allowedHosts, app.log);
  const origins = new OriginPolicy(settings.allowedOrigins, app.log);
  const cookies = new ChatCookies(chat.guests, {
    isLasting: settings.secret !== undefined || log.kind === "redis",
    redisPrefix: settings.redisPrefix,
    mountPath: app.prefix,
  });
  const overload = () => watch.overload;
  const capacity = capacityOf(settings, descriptorLimit());
  const sockets = new Sockets(
    chat,
    { ...settings, capacity },
    { addresses, cookies, hosts, origins, overload },
  );
  const apiKeys = new ApiKeys(settings.apiKeys ?? []);
  const turns = new RequestTurns(chat, addresses);
  const underWay = new RequestsUnderWay(addresses, chat.counters);
  const programs = new Programs(apiKeys, { addresses, counters: chat.counters, logger: app.log });
  const api = new Api(chat, programs, {
    addresses,
    cookies,
    hosts,
    origins,
    census: sockets.census,
    turns,
    underWay,
    isDraining: () => sockets.drain.begun,
    overload,
    ownsPath: settings.page,
  });
  const admission = new PageAdmission({
    ...{ addresses, hosts, underWay },
    counters: chat.counters,
    mountPath: app.prefix,
  });
  const page = settings.page ? await Page.open(cookies, settings) : undefined;
  app.decorate("dynochat", { chat, sockets });
  sockets.takeUpgrades(app);
  // Outside the page's scope: its headers are made for each request, and an upgrade's answer would not carry them.
  sockets.route(app);
  await api.register(app);
  // In a scope of its own: the page's headers are nothing to the app around it.
  await app.register(async (scope) => {
    scope.addHook("onRequest", admission.admit);
    await page?.register(scope);
    if (page !== undefined) {
      sockets.routeBesidePage(scope, page.serve);
      new StatusPage(watch, apiKeys, programs, page.files).register(scope);
    }
    registerHealth(scope, chat, () => sockets.drain.begun, overload);
    registerMetrics(scope, watch, settings.metrics, programs);
  });
  app.addHook("onReady", async () => {
    chat.start();
    watch.start(sockets);
  });
  app.addHook("preClose", () => sockets.drain.begin());
  app.addHook("onClose", async () => {
    watch.stop();
    sockets.close();
    api.close();
    underWay.close();
    admission.close();
    await chat.close();
  });
}

/** Bytes that this process may use, where somebody says; undefined where not. */
function shareOfMemory(processes: number): number | undefined {
  const limit = memoryLimit(process.env);
  return limit === undefined ? undefined : limit / processes;
}

function logFor(settings: CheckedOptions, logger: Logger, instance: string): Log {
  const { redisUrl: url, redisPrefix: prefix, redisTlsVerify: tlsVerify, redisCa: ca } = settings;
  if (url === undefined) return new MemoryLog(settings, Date.now, undefined, instance);
  const { redisMinReplicas: minReplicas } = settings;
  const options = { url, prefix, tlsVerify, minReplicas, instance, ...(ca === undefined ? {} : { ca }) };
  return new RedisLog(options, settings, logger);
}
