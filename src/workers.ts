import cluster, { type Worker } from "node:cluster";
import type { Logger } from "./logger.ts";

/** The pause before a worker that ended by itself is replaced, ms; doubled each time, up to the longest. */
const BACKOFF_MS = { shortest: 500, longest: 30_000 } as const;

/** A worker that lived this long is thought to have been well, ms. */
const WELL_MS = 60_000;

/**
 * The parent of `count` processes that each are the whole program: it holds no socket and no connection to
 * Redis, replaces who crashed, and passes on the signals that end them.
 */
export class Workers {
  readonly #count: number;
  readonly #logger: Logger;
  #backoffMs: number = BACKOFF_MS.shortest;
  #ending = false;
  /** The worst exit code of a worker since the end began. */
  #exitCode = 0;

  constructor(count: number, logger: Logger) {
    this.#count = count;
    this.#logger = logger;
  }

  start(): void {
    process.on("SIGTERM", this.#end);
    process.on("SIGINT", this.#end);
    for (let started = 0; started < this.#count; started++) this.#fork();
  }

  #fork(): void {
    const worker = cluster.fork();
    const startedAt = performance.now();
    worker.on("error", (error) =>
      this.#logger.error({ event: "worker-error", err: error }, "a worker failed"),
    );
    worker.on("exit", (code, signal) => this.#exited(worker, code, signal, performance.now() - startedAt));
  }

  #exited({ id }: Worker, code: number | null, signal: string | null, ms: number): void {
    this.#logger.info(
      { event: "worker-exit", worker: id, code, signal, ms: Math.round(ms) },
      "a worker has ended",
    );
    if (!this.#ending) {
      this.#replace(ms);
      return;
    }
    this.#exitCode = Math.max(this.#exitCode, code ?? 1);
    if (Object.keys(cluster.workers ?? {}).length === 0) process.exit(this.#exitCode);
  }

  #replace(livedMs: number): void {
    this.#backoffMs =
      livedMs >= WELL_MS ? BACKOFF_MS.shortest : Math.min(this.#backoffMs * 2, BACKOFF_MS.longest);
    setTimeout(() => {
      if (!this.#ending) this.#fork();
    }, this.#backoffMs);
  }

  readonly #end = (signal: NodeJS.Signals): void => {
    this.#ending = true;
    const workers = Object.values(cluster.workers ?? {});
    if (workers.length === 0) process.exit(0);
    for (const worker of workers) worker?.process.kill(signal);
  };
}
