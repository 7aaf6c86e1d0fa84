import cluster, { type Worker } from "node:cluster";
import { ForwardedLines } from "../logging/forwarded-lines.ts";
import type { LogLines } from "../logging/log-lines.ts";
import type { Logger } from "../logging/logger.ts";
import { WORKER_ENDS } from "./graceful-shutdown.ts";

/** Milliseconds before a worker that ended by itself is replaced; doubled each time, up to the longest. */
const BACKOFF_MS = { shortest: 500, longest: 30_000 } as const;

/** Milliseconds after which a worker counts as healthy. */
const WELL_MS = 60_000;

/** Milliseconds after the time limit of the shutdown at which a worker that has not ended is killed. */
const KILL_MS = 2_000;

export interface WorkersOptions {
  readonly count: number;
  /** Heap limit of each worker, MiB; undefined = V8's default. */
  readonly heapMib: number | undefined;
  /** Milliseconds that a worker may take to end. */
  readonly endMs: number;
  /** Where the workers' standard output and standard error go. */
  readonly output: LogLines;
  readonly errors: LogLines;
}

/**
 * The parent of processes that each run the whole program. It has no client sockets and no connection to
 * Redis, replaces workers that crash, and forwards the signals that end them.
 * It is `starting` until a worker listens: a worker that fails before that would fail again, so the program
 * ends. Then it is `running`, until a signal or an uncaught error of its own makes it `ending`.
 */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #logger: Logger;
  #state: "starting" | "running" | "ending" = "starting";
  #backoffMs: number = BACKOFF_MS.shortest;
  /** Ids of workers that are ending by themselves and have been replaced already; removed when they exit. */
  readonly #replaced = new Set<number>();
  /** The highest exit code since the shutdown began. */
  #exitCode = 0;
  readonly #endStart: (reason: string) => never;
  /** Why no worker can run the program; undefined if one can. */
  #failure: string | undefined;

  /** @param endStart exits after the last worker has, if one of them found that none can run the program. */
  constructor(options: WorkersOptions, logger: Logger, endStart: (reason: string) => never) {
    this.#options = options;
    this.#logger = logger;
    this.#endStart = endStart;
  }

  start(): void {
    const { count, heapMib } = this.#options;
    const heap = heapMib === undefined ? [] : [`--max-old-space-size=${heapMib}`];
    const stdio = ["ignore", "pipe", "pipe", "ipc"];
    cluster.setupPrimary({ execArgv: [...process.execArgv, ...heap], stdio });
    cluster.once("listening", this.#listening);
    process.on("SIGTERM", this.#signalled);
    process.on("SIGINT", this.#signalled);
    process.on("uncaughtException", this.#failed);
    process.on("unhandledRejection", this.#failed);
    this.#logger.info({ event: "workers", count, heapMib }, "starting the workers");
    for (let started = 0; started < count; started++) this.#fork();
  }

  readonly #listening = (): void => {
    if (this.#state === "starting") this.#state = "running";
  };

  #fork(): void {
    const worker = cluster.fork();
    const startedAt = performance.now();
    this.#logger.info(
      { event: "worker-start", worker: worker.id, workerPid: worker.process.pid },
      "worker started",
    );
    worker.on("error", (error) =>
      this.#logger.error({ event: "worker-error", err: error }, "a worker failed"),
    );
    worker.on("message", (message) => {
      if (message === WORKER_ENDS) this.#leaving(worker, performance.now() - startedAt);
      else if (isFailure(message)) this.#startFailed(message.startFails);
    });
    const streams = this.#forwardLines(worker);
    worker.on("exit", () => {
      for (const stream of streams) stream.release();
    });
    // After its exit, when its last line has been read too.
    worker.process.on("close", (code, signal) => {
      this.#exited(worker, code, signal, performance.now() - startedAt);
    });
  }

  #forwardLines({ process: { stdout, stderr } }: Worker): ForwardedLines[] {
    const { output, errors } = this.#options;
    return [
      ...(stdout === null ? [] : [new ForwardedLines(stdout, output)]),
      ...(stderr === null ? [] : [new ForwardedLines(stderr, errors)]),
    ];
  }

  #exited({ id, process: { pid } }: Worker, code: number | null, signal: string | null, ms: number): void {
    const fields = { event: "worker-exit", worker: id, workerPid: pid, code, signal, ms: Math.round(ms) };
    if (this.#state === "ending" && code === 0) this.#logger.info(fields, "worker exited");
    else this.#logger.warn(fields, "worker exited");
    const isReplaced = this.#replaced.delete(id);
    if (this.#state === "running") {
      if (!isReplaced) this.#replace(ms);
      return;
    }
    // A worker that is still starting has no signal handler, and ends by the signal.
    const isObedient = this.#state === "ending" && (signal === "SIGTERM" || signal === "SIGINT");
    this.#exitCode = Math.max(this.#exitCode, code ?? (isObedient ? 0 : 1));
    if (this.#state === "starting") this.#end("SIGTERM");
    this.#exitWhenAlone();
  }

  #startFailed(reason: string): void {
    this.#failure ??= reason;
    this.#end("SIGTERM");
  }

  /** The worker still drains its connections, which takes a while; another one starts meanwhile. */
  #leaving({ id }: Worker, ms: number): void {
    if (this.#state !== "running" || this.#replaced.has(id)) return;
    this.#replaced.add(id);
    this.#replace(ms);
  }

  #replace(livedMs: number): void {
    this.#backoffMs = backoffAfter(livedMs, this.#backoffMs);
    setTimeout(() => {
      if (this.#state === "running") this.#fork();
    }, this.#backoffMs);
  }

  readonly #signalled = (signal: NodeJS.Signals): void => {
    this.#end(signal);
    this.#exitWhenAlone();
  };

  readonly #failed = (error: unknown): void => {
    this.#logger.error({ event: "unexpected", err: error }, "uncaught error, shutting down");
    this.#exitCode = 1;
    this.#end("SIGTERM");
    this.#exitWhenAlone();
  };

  #end(signal: NodeJS.Signals): void {
    if (this.#state !== "ending") setTimeout(this.#killAll, this.#options.endMs + KILL_MS).unref();
    this.#state = "ending";
    // A repeated signal is forwarded again: workers treat the second one like the first.
    for (const worker of living()) worker.process.kill(signal);
  }

  readonly #killAll = (): void => {
    for (const worker of living()) worker.process.kill("SIGKILL");
  };

  #exitWhenAlone(): void {
    if (living().length > 0) return;
    if (this.#failure !== undefined) this.#endStart(this.#failure);
    process.exit(this.#exitCode);
  }
}

/**
 * Returns whether a message says that a worker found, after it began to listen, that it cannot run the
 * program.
 */
function isFailure(message: unknown): message is { readonly startFails: string } {
  return (
    typeof message === "object" &&
    message !== null &&
    "startFails" in message &&
    typeof message.startFails === "string"
  );
}

/**
 * Returns the milliseconds before a worker that ran for `livedMs` is replaced; the last pause was `lastMs`.
 */
export function backoffAfter(livedMs: number, lastMs: number): number {
  return livedMs >= WELL_MS ? BACKOFF_MS.shortest : Math.min(lastMs * 2, BACKOFF_MS.longest);
}

function living(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter(
    (worker): worker is Worker => worker?.isDead() === false,
  );
}
