import { randomUUID } from "node:crypto";
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import type { SiteTokens } from "./chat/site-token.ts";
import type { Log, LogLimits } from "./log/log.ts";
import { MemoryLog } from "./log/memory.ts";
import { RedisLog } from "./log/redis/redis-log.ts";
import type { Logger } from "./logger.ts";
import { type DynochatOptions, dynochat } from "./plugin.ts";
import type { Settings } from "./settings.ts";

/** Longer than the platform's router keeps idle connections (90 s), so that it never writes into a closed one, ms. */
const KEEP_ALIVE_MS = 95_000;

/** The whole program as one Fastify app, not listening yet. */
export async function buildApp(
  settings: Settings,
  logger: FastifyBaseLogger,
  siteTokens: SiteTokens | undefined,
): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "requestId" }),
    keepAliveTimeout: KEEP_ALIVE_MS,
    // One hop: only the right-most X-Forwarded-For entry was written by the router.
    trustProxy: settings.trustProxy ? isRouter : false,
    requestIdHeader: settings.trustProxy ? "x-request-id" : false,
    genReqId: () => randomUUID(),
    forceCloseConnections: true,
  });
  await app.register(dynochat, optionsFor(settings, logFor(settings, logger), siteTokens));
  return app;
}

function logFor(settings: Settings, logger: Logger): Log {
  const limits: LogLimits = settings;
  const { redisUrl: url, redisPrefix: prefix, redisTlsVerify: tlsVerify, redisCa: ca } = settings;
  if (url === undefined) return new MemoryLog(limits);
  const { redisMinReplicas: minReplicas } = settings;
  const options = { url, prefix, tlsVerify, minReplicas, ...(ca === undefined ? {} : { ca }) };
  return new RedisLog(options, limits, logger);
}

/** Whether the `hop`-th peer, seen from here, may be believed about who it speaks for. */
function isRouter(_address: string, hop: number): boolean {
  return hop < 1;
}

function optionsFor(settings: Settings, log: Log, siteTokens: SiteTokens | undefined): DynochatOptions {
  // Fastify has an option logLevel of its own, for routes.
  const { logLevel: _logLevel, ...options } = settings;
  return { ...options, log, siteTokens };
}
