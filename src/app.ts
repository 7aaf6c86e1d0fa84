import { randomUUID } from "node:crypto";
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import { answerBadAddress } from "./http/api/failures.ts";
import { dynochat } from "./plugin.ts";
import { processesOf } from "./process/process-plan.ts";
import { pluginOptions } from "./settings/plugin-options.ts";
import type { Settings } from "./settings/settings.ts";
import { TcpConnections } from "./transport/tcp-connections.ts";

/**
 * Longer than the platform's router keeps idle connections (90 s), so that it never writes into a closed one,
 * ms.
 */
const KEEP_ALIVE_MS = 95_000;

/**
 * How long a connection may be idle in the middle of a request before it is closed, ms; without it no limit
 * would apply to that connection. Sockets and event streams are never idle for so long, and are exempt once
 * they are open.
 */
const SILENCE_MS = 60_000;

/** How long a request may take to arrive, ms. */
export interface RequestDeadlines {
  /** From its first byte (on a new connection: from its opening) to the end of its headers. */
  readonly headersMs: number;
  /** From its first byte to the last byte of its body. */
  readonly requestMs: number;
  /** How often requests that take too long are looked for. */
  readonly checkMs: number;
}

const DEADLINES: RequestDeadlines = { headersMs: 10_000, requestMs: 30_000, checkMs: 2_000 };

/**
 * Builds the whole program as one Fastify app that is not listening yet.
 * @param instance the name of its process.
 */
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
    // Accepted requests are answered; `GracefulShutdown` bounds how long that may take.
    forceCloseConnections: "idle",
  });
  await app.register(dynochat, { ...pluginOptions(settings), instance, processes: processesOf(settings) });
  boundTcp(app, settings, logger);
  return app;
}

/** Limits the TCP connections of the program's own server. */
function boundTcp(app: FastifyInstance, { trustProxy }: Settings, logger: FastifyBaseLogger): void {
  const { chat, sockets } = app.dynochat;
  const { tcp: total, tcpPerAddress } = sockets.capacity;
  // Behind a proxy all connections have its address.
  const perAddress = trustProxy ? 0 : tcpPerAddress;
  const connections = new TcpConnections({ total, perAddress }, chat.counters, logger);
  connections.attach(app);
  sockets.countTcp(() => connections.count);
}

/** Returns whether the `hop`-th peer, counted from here, is trusted to report the client's address. */
function isRouter(_address: string, hop: number): boolean {
  return hop < 1;
}
