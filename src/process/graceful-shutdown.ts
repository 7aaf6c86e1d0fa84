import cluster from "node:cluster";
import type { FastifyInstance } from "fastify";
import type { Logger } from "../logging/logger.ts";

/** Beyond the drain, for what is left to close, ms. The platform kills after 30 s, and a drain takes 25 s at most. */
const CLOSE_MS = 5_000;

/** How long HTTP requests that were accepted may still take once the sockets are gone, ms: as long as a message's answer. */
const REQUESTS_MS = 2_000;

/** What a worker tells its parent when it ends by itself: that it takes nobody any more, and somebody else should. */
export const WORKER_ENDS = "worker-ends";

/** How long a process may take to end whose drain may take `shutdownSeconds`, ms. */
export function endLimitMs(shutdownSeconds: number): number {
  return shutdownSeconds * 1000 + CLOSE_MS;
}

/** What an ending says of itself; pino's loggers are of this shape. */
interface EndingLogger extends Logger {
  fatal(fields: object, sentence: string): void;
}

/** 0 after a signal, 1 after an error nobody expected. */
type ExitCode = 0 | 1;

/**
 * How this process ends: once, whatever asks for it and however often. First people are moved away, then what was asked over
 * HTTP is answered, then the store is closed, then the process exits.
 */
export class GracefulShutdown {
  readonly #app: FastifyInstance;
  readonly #limitMs: number;
  readonly #logger: EndingLogger;
  #state: "running" | "draining" | "closing" = "running";
  #code: ExitCode = 0;

  /** @param shutdownSeconds that the drain may take; not long after it the process ends, come what may. */
  constructor(app: FastifyInstance, shutdownSeconds: number, logger: EndingLogger) {
    this.#app = app;
    this.#limitMs = endLimitMs(shutdownSeconds);
    this.#logger = logger;
  }

  /** Ends the process at these signals and at every error that nothing else catches. */
  listen(): void {
    process.on("SIGTERM", this.#onSignal);
    process.on("SIGINT", this.#onSignal);
    process.on("uncaughtException", this.#onError);
    process.on("unhandledRejection", this.#onError);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.#logger.info({ event: "signal", signal }, "ending");
    this.#begin();
  };

  readonly #onError = (error: unknown): void => {
    this.#logger.fatal({ event: "unexpected", err: error }, "an error nobody expected; ending");
    this.#code = 1;
    if (this.#state === "running") this.#leaveToOthers();
    this.#begin();
  };

  /** Where there are other workers, new clients go to them from now on, instead of being refused here. */
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
    this.#logger.info({ event: "ended", code: this.#code }, "everything is closed");
    process.exit(this.#code);
  }
}
