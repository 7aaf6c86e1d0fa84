import type { FastifyInstance } from "fastify";
import { type Logger as PinoLogger, pino } from "pino";
import { buildApp } from "../app.ts";
import { LogLines } from "../logging/log-lines.ts";
import { descriptorLimit } from "../monitoring/descriptors.ts";
import { drawInstance, identityOf } from "../monitoring/process-identity.ts";
import type { ProcessIdentity } from "../monitoring/process-stats.ts";
import type { Settings } from "../settings/settings.ts";
import { redisAddress } from "../store/redis/redis-url.ts";
import { GracefulShutdown } from "./graceful-shutdown.ts";
import { outdatedNode } from "./node-version.ts";

/**
 * Runs the chat in this process until a signal or an uncaught error ends it; then drains it and exits: with 0
 * after a signal, with 1 after an error. If messages cannot be stored at all, `endStart` is called with the
 * reason.
 */
export async function runProcess(settings: Settings, endStart: (reason: string) => void): Promise<void> {
  const identity = identityOf(drawInstance(), process.env);
  const output = processOutput(identity);
  const logger = processLogger(settings, identity, output);
  const app = await buildApp(settings, logger, identity.instance);
  const { counters, unusable } = app.dynochat.chat;
  void unusable.then(endStart);
  output.countDrops((count) => {
    counters.droppedLines += count;
  });
  new GracefulShutdown(app, settings.shutdownSeconds, logger).listen();
  warnOfSettings(settings, logger);
  const outdated = outdatedNode();
  if (outdated !== undefined) logger.warn({ event: "node-version" }, outdated);
  const address = await listen(app, settings);
  const kept = settings.redisUrl === undefined ? "in memory, lost at exit" : "in Redis";
  tellCapacity(app, logger);
  logger.info(
    { event: "listening", address, messages: kept },
    `dynochat listens at ${address}; messages are kept ${kept}`,
  );
}

/** Returns the standard output of a process, for its log lines. */
export function processOutput(identity: ProcessIdentity): LogLines {
  return new LogLines({ base: baseOf(identity) });
}

/**
 * Creates the logger of a process, which writes one JSON line per event to `output`, also for Node's own
 * warnings.
 */
export function processLogger(settings: Settings, identity: ProcessIdentity, output: LogLines): PinoLogger {
  const serializers = { err: withoutRequest };
  const logger = pino({ level: settings.logLevel, base: baseOf(identity), serializers }, output);
  // Node's own listener blocks on the reader of standard error. There is none if warnings were switched off.
  if (process.listenerCount("warning") > 0) {
    process.removeAllListeners("warning");
    process.on("warning", (warning) => logger.warn({ event: "warning", err: warning }, "warning of Node.js"));
  }
  return logger;
}

/**
 * Returns the fields of an error for a log line, without the bytes of a request that Node could not parse,
 * because they contain its address, cookies and text.
 */
function withoutRequest(error: Error): object {
  const { rawPacket: _bytes, raw: _error, ...fields } = pino.stdSerializers.err(error);
  return fields;
}

/** Returns the fields of every line, without undefined ones. */
function baseOf({ instance, pid, dyno, release, commit }: ProcessIdentity): object {
  return { instance, pid, dyno, release, commit };
}

function tellCapacity(app: FastifyInstance, logger: PinoLogger): void {
  const { connections: sockets, tcp, isLowered } = app.dynochat.sockets.capacity;
  const fields = { event: "capacity", sockets, tcp, descriptors: descriptorLimit() };
  if (!isLowered) logger.info(fields, "connection limit; 0 = no limit");
  else {
    logger.warn(fields, "fewer connections are accepted than MAX_CONNECTIONS: raise the limit of open files");
  }
}

function warnOfSettings(settings: Settings, logger: PinoLogger): void {
  if (settings.allowedOrigins === "*")
    logger.warn({ event: "settings" }, "ALLOWED_ORIGINS=* lets pages of any site connect");
  if (settings.redisUrl === undefined && settings.webConcurrency > 1) {
    logger.warn({ event: "settings" }, "WEB_CONCURRENCY needs Redis; without it there is one process");
  }
  if (settings.redisUrl !== undefined && settings.secret === undefined) {
    logger.warn({ event: "settings" }, "SECRET is not set; all processes share one that is kept in Redis");
  }
  if (settings.redisUrl !== undefined && !settings.redisTlsVerify) {
    logger.warn({ event: "settings" }, "REDIS_TLS_VERIFY=false accepts any certificate of the Redis server");
  }
  if (
    settings.redisUrl !== undefined &&
    settings.redisCa !== undefined &&
    redisAddress(settings.redisUrl)?.tls === false
  ) {
    const sentence =
      "REDIS_CA is not used: the Redis URL begins redis://, which is not encrypted; rediss:// is";
    logger.warn({ event: "settings" }, sentence);
  }
}

/** Listens on HOST, else on all interfaces: `::`, or `0.0.0.0` if there is no IPv6. */
async function listen(app: FastifyInstance, { host, port }: Settings): Promise<string> {
  try {
    await app.listen({ host: host ?? "::", port });
  } catch (error) {
    if (host !== undefined || !isNoIpv6(error)) throw error;
    await app.listen({ host: "0.0.0.0", port });
  }
  const bound = app.server.address();
  return `http://localhost:${typeof bound === "object" && bound !== null ? bound.port : port}`;
}

function isNoIpv6(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    (error.code === "EAFNOSUPPORT" || error.code === "EADDRNOTAVAIL")
  );
}
