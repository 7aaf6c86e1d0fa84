import { randomBytes } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { type Logger as PinoLogger, pino } from "pino";
import { buildApp } from "./app.ts";
import type { Settings } from "./settings.ts";

/** Beyond `SHUTDOWN_SECONDS`, for what is left to close, ms. The platform kills after 30 s. */
const CLOSE_MS = 5_000;

/** Log lines are written together: a write for each message took a tenth of a busy process's time (docs/performance.md). */
const LOG_BYTES = 8 * 1024;
const LOG_FLUSH_MS = 100;

/**
 * Runs the chat in this process until a signal, or an error nobody expected, ends it; then drains it and
 * exits: 0 after a signal, 1 after an error.
 */
export async function runProcess(settings: Settings): Promise<void> {
  const logger = processLogger(settings);
  const app = await buildApp(settings, logger);
  const ending = new Ending(app, settings, logger);
  process.on("SIGTERM", ending.onSignal);
  process.on("SIGINT", ending.onSignal);
  process.on("uncaughtException", ending.onError);
  process.on("unhandledRejection", ending.onError);
  warnOfSettings(settings, logger);
  const address = await listen(app, settings);
  const kept = settings.redisUrl === undefined ? "in memory, lost at exit" : "in Redis";
  logger.info(
    { event: "listening", address, messages: kept },
    `dynochat listens at ${address}; messages are kept ${kept}`,
  );
}

/**
 * The logger of a process: one JSON line an event on standard output, at most `LOG_FLUSH_MS` later; at the end of the
 * process everything is written. A process that is killed takes its last lines with it.
 */
export function processLogger(settings: Settings): PinoLogger {
  // DYNO may be shared by two live processes: the instance is the process's own.
  const instance = randomBytes(6).toString("hex");
  const dyno = process.env["DYNO"];
  const lines = pino.destination({ fd: 1, minLength: LOG_BYTES, periodicFlush: LOG_FLUSH_MS, sync: true });
  process.once("exit", () => lines.flushSync());
  const base = { instance, pid: process.pid, ...(dyno ? { dyno } : {}) };
  return pino({ level: settings.logLevel, base }, lines);
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
}

/** Listens on HOST, else on all interfaces: `::`, or `0.0.0.0` where there is no IPv6. */
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

/** How this process ends: once, whatever asks for it and however often. */
class Ending {
  readonly #app: FastifyInstance;
  readonly #limitMs: number;
  readonly #logger: PinoLogger;
  #begun = false;

  constructor(app: FastifyInstance, settings: Settings, logger: PinoLogger) {
    this.#app = app;
    this.#limitMs = settings.shutdownSeconds * 1000 + CLOSE_MS;
    this.#logger = logger;
  }

  readonly onSignal = (signal: NodeJS.Signals): void => {
    this.#logger.info({ event: "signal", signal }, "ending");
    void this.#end(0);
  };

  readonly onError = (error: unknown): void => {
    this.#logger.fatal({ event: "unexpected", err: error }, "an error nobody expected; ending");
    void this.#end(1);
  };

  async #end(code: 0 | 1): Promise<void> {
    if (this.#begun) return;
    this.#begun = true;
    setTimeout(() => process.exit(code), this.#limitMs).unref();
    try {
      await this.#app.dynochat.sockets.drain.begin();
      await this.#app.close();
      this.#logger.info({ event: "ended" }, "everything is closed");
      process.exit(code);
    } catch (error) {
      this.#logger.error({ event: "ended", err: error }, "closing failed");
      process.exit(1);
    }
  }
}
