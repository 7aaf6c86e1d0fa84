import cluster, { type Worker } from "node:cluster";
import { ForwardedLines } from "../logging/forwarded-lines.ts";
import type { LogLines } from "../logging/log-lines.ts";
import type { Logger } from "../logging/logger.ts";
import { WORKER_ENDS } from "./graceful-shutdown.ts";

/** The pause before a worker that ended by itself is replaced, ms; doubled each time, up to the longest. */
const BACKOFF_MS = { shortest: 500, longest: 30_000 } as const;

/** A worker that lived this long is thought to have been well, ms. */
const WELL_MS = 60_000;

/** Workers that are told to end do so by themselves; one that has not this long after its time is killed, ms. */
const KILL_MS = 2_000;

export interface WorkersOptions {
  readonly count: number;
  /** What V8 lets the heap of each grow to, MiB; undefined = what it thinks right. */
  readonly heapMib: number | undefined;
  /** How long a worker may take to end, ms. */
  readonly endMs: number;
  /** Where the workers' standard output and standard error go. */
  readonly output: LogLines;
  readonly errors: LogLines;
}

/**
 * The parent of processes that each are the whole program: it holds no client's socket and no connection to
 * Redis, replaces who crashed, and passes on the signals that end them.
 *
 * It is `starting` until a worker listens: who fails before that would fail again, so the program ends. Then it is `running`,
 * until a signal or an error of its own makes it `ending`.
 */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #logger: Logger;
  #state: "starting" | "running" | "ending" = "starting";
  #backoffMs: number = BACKOFF_MS.shortest;
  /** Workers that end by themselves and have been replaced already; each leaves when it exits. */
  readonly #replaced = new Set<number>();
  /** The worst exit code since the end began. */
  #exitCode = 0;
  readonly #endStart: (reason: string) => never;
  /** Why no worker can do its work. */
  #failure: string | undefined;

  /** @param endStart exits when the last worker has, where one of them found that none can do its work. */
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
      "a worker begins",
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
    // Later than its exit: when its last line has been read, too.
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
    if (this.#state === "ending" && code === 0) this.#logger.info(fields, "a worker has ended");
    else this.#logger.warn(fields, "a worker has ended");
    const isReplaced = this.#replaced.delete(id);
    if (this.#state === "running") {
      if (!isReplaced) this.#replace(ms);
      return;
    }
    // A worker that still starts does not listen to signals, and ends by the one that it is passed.
    const isObedient = this.#state === "ending" && (signal === "SIGTERM" || signal === "SIGINT");
    this.#exitCode = Math.max(this.#exitCode, code ?? (isObedient ? 0 : 1));
    if (this.#state === "starting") this.#end("SIGTERM");
    this.#exitWhenAlone();
  }

  #startFailed(reason: string): void {
    this.#failure ??= reason;
    this.#end("SIGTERM");
  }

  /** It still moves its people away, which takes a while: another one begins meanwhile. */
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
    this.#logger.error({ event: "unexpected", err: error }, "an error nobody expected; ending");
    this.#exitCode = 1;
    this.#end("SIGTERM");
    this.#exitWhenAlone();
  };

  #end(signal: NodeJS.Signals): void {
    if (this.#state !== "ending") setTimeout(this.#killAll, this.#options.endMs + KILL_MS).unref();
    this.#state = "ending";
    // A signal that comes again is passed on again: workers take the second one as the first.
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

/** What a worker tells that found, after it began to listen, that it cannot do its work. */
function isFailure(message: unknown): message is { readonly startFails: string } {
  return (
    typeof message === "object" &&
    message !== null &&
    "startFails" in message &&
    typeof message.startFails === "string"
  );
}

/** The pause before a worker that lived `livedMs` is replaced, where the pause before was `lastMs`; all ms. */
export function backoffAfter(livedMs: number, lastMs: number): number {
  return livedMs >= WELL_MS ? BACKOFF_MS.shortest : Math.min(lastMs * 2, BACKOFF_MS.longest);
}

function living(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter(
    (worker): worker is Worker => worker?.isDead() === false,
  );
}
