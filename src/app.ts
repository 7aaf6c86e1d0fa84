import { randomUUID } from "node:crypto";
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import { answerBadAddress } from "./http/api/failures.ts";
import { dynochat } from "./plugin.ts";
import { processesOf } from "./process/process-plan.ts";
import { pluginOptions } from "./settings/plugin-options.ts";
import type { Settings } from "./settings/settings.ts";
import { TcpConnections } from "./transport/tcp-connections.ts";

/** Longer than the platform's router keeps idle connections (90 s), so that it never writes into a closed one, ms. */
const KEEP_ALIVE_MS = 95_000;

/**
 * A connection that is silent in the middle of a request is ended, or it would be held outside every limit, ms. Sockets and
 * event streams are never silent for so long, and take no part in it once they are open.
 */
const SILENCE_MS = 60_000;

/** How long a request may take to arrive, ms. */
export interface RequestDeadlines {
  /** From its first byte, on a new connection from its opening, to the end of its headers. */
  readonly headersMs: number;
  /** From its first byte to the last one of its body. */
  readonly requestMs: number;
  /** How often requests that take too long are looked for. */
  readonly checkMs: number;
}

const DEADLINES: RequestDeadlines = { headersMs: 10_000, requestMs: 30_000, checkMs: 2_000 };

/** The whole program as one Fastify app, not listening yet; `instance` is what its process is called. */
export async function buildApp(
  settings: Settings,
  logger: FastifyBaseLogger,
  instance: string,
  { headersMs, requestMs, checkMs } = DEADLINES,
): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "requestId" }),
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionTimeout: SILENCE_MS,
    requestTimeout: requestMs,
    http: { headersTimeout: headersMs, requestTimeout: requestMs, connectionsCheckingInterval: checkMs },
    // One hop: only the right-most X-Forwarded-For entry was written by the router.
    trustProxy: settings.trustProxy ? isRouter : false,
    requestIdHeader: settings.trustProxy ? "x-request-id" : false,
    genReqId: () => randomUUID(),
    frameworkErrors: answerBadAddress,
    // Requests that were accepted are answered; `Ending` bounds how long that may take.
    forceCloseConnections: "idle",
  });
  await app.register(dynochat, { ...pluginOptions(settings), instance, processes: processesOf(settings) });
  boundTcp(app, settings, logger);
  return app;
}

/** Bounds the connections of the program's own server. */
function boundTcp(app: FastifyInstance, { trustProxy }: Settings, logger: FastifyBaseLogger): void {
  const { chat, sockets } = app.dynochat;
  const { tcp: total, tcpPerAddress } = sockets.capacity;
  // Behind a proxy all connections have its address.
  const perAddress = trustProxy ? 0 : tcpPerAddress;
  const connections = new TcpConnections({ total, perAddress }, chat.counters, logger);
  connections.attach(app);
  sockets.countTcp(() => connections.count);
}

/** Whether the `hop`-th peer, seen from here, may be believed about who it speaks for. */
function isRouter(_address: string, hop: number): boolean {
  return hop < 1;
}
