import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../ports.ts";
import { type Exit, launch, listening, type Server } from "../servers/program.ts";
import { within } from "../vitest/wait-for.ts";
import type { Target } from "./router.ts";
import type { Slug } from "./slug.ts";

/** The platform's limits (its documents on dynos: startup, shutdown), ms. */
export const DYNO_TIMES = {
  /** From the start until the process listens; else R10 and the end. */
  bootMs: 60_000,
  /** From SIGTERM until SIGKILL; R12. */
  stopMs: 30_000,
  /**
   * For which the router may still choose a dyno that was sent SIGTERM. The platform promises no order of the
   * two; here the word takes a moment.
   */
  withdrawMs: 1_000,
} as const;

export type DynoTimes = { readonly [Name in keyof typeof DYNO_TIMES]: number };

/**
 * - `starting`: its process runs and does not listen yet;
 * - `up`: it is chosen by the router;
 * - `withdrawing`: SIGTERM was sent, and the router has not heard of it;
 * - `stopping`: nothing new comes to it;
 * - `down`: its process has ended.
 */
export type DynoState = "starting" | "up" | "withdrawing" | "stopping" | "down";

export interface DynoOptions {
  /** `web.1` */
  readonly name: string;
  readonly slug: Slug;
  readonly config: Readonly<Record<string, string>>;
  readonly times: DynoTimes;
}

/** One process of the app, as the platform runs it: its own port, its name, the app's config. */
export class Dyno implements Target {
  readonly name: string;
  readonly port: number;
  readonly server: Server;
  readonly #times: DynoTimes;
  #state: DynoState = "starting";
  /** Somebody wanted it to end. */
  #wanted = false;

  private constructor({ name, slug, config, times }: DynoOptions, port: number) {
    this.name = name;
    this.port = port;
    this.#times = times;
    const env = { SHUTDOWN_SECONDS: undefined, ...config, DYNO: name, PORT: String(port) };
    this.server = launch({ cwd: slug.folder, root: slug.folder, env }, port);
    void this.server.exit.then(() => {
      this.#state = "down";
    });
  }

  /** Starts the process of the Procfile's web line. */
  static async start(options: DynoOptions): Promise<Dyno> {
    return new Dyno(options, await freePort());
  }

  get state(): DynoState {
    return this.#state;
  }

  /** Whether the router may choose it. */
  get routed(): boolean {
    return this.#state === "up" || this.#state === "withdrawing";
  }

  /** Whether it ended by itself. */
  get crashed(): boolean {
    return this.#state === "down" && !this.#wanted;
  }

  /** Fulfils when the router may choose it. Rejects if it does not listen in time, or ends. */
  async boot(): Promise<void> {
    await within(listening(this.server), `${this.name} listens (R10)`, this.#times.bootMs);
    if (this.#state === "starting") this.#state = "up";
  }

  /** SIGTERM, and SIGKILL where that is not enough; fulfils when the process is gone. */
  async stop(): Promise<Exit & { readonly killed: boolean }> {
    this.#wanted = true;
    if (this.#state === "up" || this.#state === "starting") this.#state = "withdrawing";
    this.server.kill("SIGTERM");
    const abort = new AbortController();
    const { signal } = abort;
    const word = sleep(this.#times.withdrawMs, undefined, { signal }).then(() => {
      if (this.#state === "withdrawing") this.#state = "stopping";
    });
    let killed = false;
    const patience = sleep(this.#times.stopMs, undefined, { signal }).then(() => {
      killed = true;
      this.server.kill("SIGKILL");
    });
    const exit = await this.server.exit;
    abort.abort();
    await Promise.allSettled([word, patience]);
    return { ...exit, killed };
  }

  /** SIGKILL without a warning, as for memory far beyond the quota (R15). */
  async kill(): Promise<void> {
    this.#wanted = true;
    this.server.kill("SIGKILL");
    await this.server.exit;
  }
}
