import { randomUUID } from "node:crypto";
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import { dynochat } from "./plugin.ts";
import type { Settings } from "./settings.ts";

/** Longer than the platform's router keeps idle connections (90 s), so that it never writes into a closed one, ms. */
const KEEP_ALIVE_MS = 95_000;

/** The whole program as one Fastify app, not listening yet. */
export async function buildApp(settings: Settings, logger: FastifyBaseLogger): Promise<FastifyInstance> {
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
  // Fastify has an option logLevel of its own, for routes.
  const { logLevel: _logLevel, ...options } = settings;
  await app.register(dynochat, options);
  return app;
}

/** Whether the `hop`-th peer, seen from here, may be believed about who it speaks for. */
function isRouter(_address: string, hop: number): boolean {
  return hop < 1;
}
