import { freePort } from "../kit/ports.ts";
import { FaultProxy } from "../kit/servers/fault-proxy.ts";
import { launch, listening, type Server } from "../kit/servers/program.ts";
import { within } from "../kit/vitest/wait-for.ts";
import { LogDigest } from "./log-digest.ts";

/** The key of the program that moderates. */
export const DESK_KEY = "the-key-of-the-desk";

/** Signs the tokens of those who are no guests. */
export const SITE_SECRET = "the-secret-of-the-site-of-the-checker";

/** Real settings, but short: what takes a minute with the defaults must happen in the seconds of a seed. */
const ENVIRONMENT = {
  PING_SECONDS: "1",
  SHUTDOWN_SECONDS: "2",
  MESSAGES_PER_SECOND: "20",
  MESSAGE_BURST: "40",
  API_KEYS: `desk:${DESK_KEY}:moderate@*`,
  TOKEN_SECRET: SITE_SECRET,
} as const;

/** SIGTERM to exit: the drain, what is still in flight, and a Redis that does not answer the goodbye. */
const EXIT_MS = 10_000;

export interface ProcessesOptions {
  readonly count: number;
  readonly redisPort: number;
  /** The folder whose `dist` is run; see `ServerOptions.root`. */
  readonly root?: string;
}

/** The processes of one chat, and their links to Redis. One that ends is followed by another in its place. */
export class Processes {
  readonly places: readonly Place[];
  readonly #digest: LogDigest;

  private constructor(places: readonly Place[], digest: LogDigest) {
    this.places = places;
    this.#digest = digest;
  }

  /** Fulfils when all can serve. */
  static async start({ count, redisPort, root }: ProcessesOptions): Promise<Processes> {
    const digest = new LogDigest();
    const places = await Promise.all(
      Array.from({ length: count }, async () => {
        const link = await FaultProxy.open(() => redisPort);
        const place = new Place(link, digest, root);
        await place.start();
        return place;
      }),
    );
    const processes = new Processes(places, digest);
    await processes.ready();
    return processes;
  }

  /** Ports on which a process listens now. */
  get ports(): readonly number[] {
    return this.places.flatMap(({ port }) => port ?? []);
  }

  /** Fulfils when every process can serve. */
  async ready(): Promise<void> {
    await Promise.all(this.places.map((place) => place.ready()));
  }

  /** What the processes did and said since the last call. */
  account(): ReturnType<LogDigest["account"]> {
    return this.#digest.account();
  }

  /** All that the processes wrote, since those that wrote it began; by process id. */
  outputs(): ReadonlyMap<number, readonly string[]> {
    return this.#digest.outputs();
  }

  /** What the processes that are gone wrote is not wanted any more. */
  forgetGone(): void {
    this.#digest.forgetGone();
  }

  async stop(): Promise<void> {
    await Promise.all(this.places.map((place) => place.stop()));
  }
}

/** Where one process runs, and after it the next. */
export class Place {
  /** Between the process and Redis. */
  readonly link: FaultProxy;
  readonly #digest: LogDigest;
  readonly #root: string | undefined;
  #current: Server | undefined;
  #changing = false;
  /** What was told to end, or is. */
  readonly #ended = new WeakSet<Server>();

  constructor(link: FaultProxy, digest: LogDigest, root: string | undefined) {
    this.link = link;
    this.#digest = digest;
    this.#root = root;
  }

  /** Undefined where no process listens. */
  get port(): number | undefined {
    return this.#current?.port;
  }

  /** One process is followed by another at this moment. */
  get isChanging(): boolean {
    return this.#changing;
  }

  /** Fulfils when a process listens. */
  async start(): Promise<void> {
    const port = await freePort();
    const env = { ...ENVIRONMENT, PORT: String(port), REDIS_URL: `redis://127.0.0.1:${this.link.port}` };
    const server = launch({ env, ...(this.#root === undefined ? {} : { root: this.#root }) }, port);
    this.#digest.follow(server);
    void server.exit.then(({ code, signal }) => {
      if (!this.#ended.has(server))
        this.#digest.trouble(`process ${server.pid} ended by itself: ${code ?? signal}`);
      if (this.#current === server) this.#current = undefined;
    });
    await listening(server);
    this.#current = server;
  }

  async ready(): Promise<void> {
    await this.#current?.ready();
  }

  /** SIGKILL; fulfils when the next one listens. */
  async kill(): Promise<void> {
    const server = this.#current;
    if (server === undefined) return;
    this.#current = undefined;
    this.#ended.add(server);
    server.kill("SIGKILL");
    await this.#follow(this.start());
  }

  /** SIGTERM while the next one starts; fulfils when that listens and the old one is gone. */
  async replace(): Promise<void> {
    const server = this.#current;
    if (server === undefined) return;
    this.#ended.add(server);
    server.kill("SIGTERM");
    const exit = within(server.exit, `process ${server.pid} ends after SIGTERM`, EXIT_MS);
    const [{ code, signal }] = await this.#follow(Promise.all([exit, this.start()]));
    if (code !== 0) this.#digest.trouble(`process ${server.pid} ended a SIGTERM with ${code ?? signal}`);
  }

  async #follow<T>(change: Promise<T>): Promise<T> {
    this.#changing = true;
    try {
      return await change;
    } finally {
      this.#changing = false;
    }
  }

  freeze(): void {
    this.#current?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#current?.kill("SIGCONT");
  }

  async stop(): Promise<void> {
    const server = this.#current;
    if (server !== undefined) {
      this.#ended.add(server);
      server.kill("SIGKILL");
      await server.exit;
    }
    await this.link.close();
  }
}
