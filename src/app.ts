import { randomUUID } from "node:crypto";
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import { answerBadAddress } from "./http/api-failures.ts";
import { dynochat } from "./plugin.ts";
import { pluginOptions } from "./plugin-options.ts";
import { processesOf } from "./process-plan.ts";
import type { Settings } from "./settings.ts";

/** Longer than the platform's router keeps idle connections (90 s), so that it never writes into a closed one, ms. */
const KEEP_ALIVE_MS = 95_000;

/**
 * A connection that is silent in the middle of a request is ended, or it would be held outside every limit, ms. Sockets and
 * event streams are never silent for so long, and take no part in it once they are open.
 */
const SILENCE_MS = 60_000;

/** The whole program as one Fastify app, not listening yet; `instance` is what its process is called. */
export async function buildApp(
  settings: Settings,
  logger: FastifyBaseLogger,
  instance: string,
): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "requestId" }),
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionTimeout: SILENCE_MS,
    // One hop: only the right-most X-Forwarded-For entry was written by the router.
    trustProxy: settings.trustProxy ? isRouter : false,
    requestIdHeader: settings.trustProxy ? "x-request-id" : false,
    genReqId: () => randomUUID(),
    frameworkErrors: answerBadAddress,
    // Requests that were accepted are answered; `Ending` bounds how long that may take.
    forceCloseConnections: "idle",
  });
  await app.register(dynochat, { ...pluginOptions(settings), instance, processes: processesOf(settings) });
  return app;
}

/** Whether the `hop`-th peer, seen from here, may be believed about who it speaks for. */
function isRouter(_address: string, hop: number): boolean {
  return hop < 1;
}
