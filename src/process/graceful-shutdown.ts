import cluster from "node:cluster";
import type { FastifyInstance } from "fastify";
import type { Logger } from "../logging/logger.ts";

/**
 * Milliseconds after the drain for everything else to close. The platform kills after 30 s, and a drain takes
 * 25 s at most.
 */
const CLOSE_MS = 5_000;

/**
 * Milliseconds that accepted HTTP requests may take after the sockets are closed: as long as a message's
 * answer.
 */
const REQUESTS_MS = 2_000;

/**
 * Message of a worker to its parent when it ends by itself: it accepts no new connections, and another worker
 * should.
 */
export const WORKER_ENDS = "worker-ends";

/** Returns the milliseconds within which a process must end whose drain may take `shutdownSeconds`. */
export function endLimitMs(shutdownSeconds: number): number {
  return shutdownSeconds * 1000 + CLOSE_MS;
}

/** The logger of a shutdown; pino's loggers have this form. */
interface EndingLogger extends Logger {
  fatal(fields: object, sentence: string): void;
}

/** 0 after a signal, 1 after an uncaught error. */
type ExitCode = 0 | 1;

/**
 * Ends this process once, whatever requests it and however often. First the connections are drained, then
 * accepted HTTP requests are answered, then the store is closed, then the process exits.
 */
export class GracefulShutdown {
  readonly #app: FastifyInstance;
  readonly #limitMs: number;
  readonly #logger: EndingLogger;
  #state: "running" | "draining" | "closing" = "running";
  #code: ExitCode = 0;

  /**
   * @param shutdownSeconds seconds that the drain may take; `CLOSE_MS` after it the process ends in any case.
   */
  constructor(app: FastifyInstance, shutdownSeconds: number, logger: EndingLogger) {
    this.#app = app;
    this.#limitMs = endLimitMs(shutdownSeconds);
    this.#logger = logger;
  }

  /** Ends the process at these signals and at every uncaught error. */
  listen(): void {
    process.on("SIGTERM", this.#onSignal);
    process.on("SIGINT", this.#onSignal);
    process.on("uncaughtException", this.#onError);
    process.on("unhandledRejection", this.#onError);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.#logger.info({ event: "signal", signal }, "shutting down");
    this.#begin();
  };

  readonly #onError = (error: unknown): void => {
    this.#logger.fatal({ event: "unexpected", err: error }, "uncaught error, shutting down");
    this.#code = 1;
    if (this.#state === "running") this.#leaveToOthers();
    this.#begin();
  };

  /** If there are other workers, new clients connect to them from now on, instead of being refused here. */
  #leaveToOthers(): void {
    if (!cluster.isWorker || process.send === undefined) return;
    process.send(WORKER_ENDS);
    this.#app.server.close();
  }

  #begin(): void {
    if (this.#state !== "running") return;
    this.#state = "draining";
    setTimeout(() => process.exit(this.#code), this.#limitMs).unref();
    this.#end().catch((error: unknown) => {
      this.#logger.error({ event: "ended", err: error }, "closing failed");
      process.exit(1);
    });
  }

  async #end(): Promise<void> {
    await this.#app.dynochat.sockets.drain.begin();
    this.#state = "closing";
    setTimeout(() => this.#app.server.closeAllConnections(), REQUESTS_MS).unref();
    await this.#app.close();
    this.#logger.info({ event: "ended", code: this.#code }, "shutdown complete");
    process.exit(this.#code);
  }
}
