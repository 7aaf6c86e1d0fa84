import type { Random } from "../../../src/client/ports.ts";
import { DYNO_TIMES, Dyno, type DynoTimes } from "./dyno.ts";
import { Router, type RouterTimes, type Target } from "./router.ts";
import type { Slug } from "./slug.ts";

export interface AppOptions {
  readonly routerTimes?: Partial<RouterTimes>;
  readonly dynoTimes?: Partial<DynoTimes>;
  readonly random?: Random;
  /** Hears what happens: `web.2 is up`. */
  readonly say?: (event: string) => void;
  /** Hears of every process that is started. */
  readonly follow?: (dyno: Dyno) => void;
}

/** A release: what runs, and with which settings. */
interface Release {
  readonly version: number;
  readonly slug: Slug;
  readonly config: Readonly<Record<string, string>>;
}

/** An app on the platform's stand-in: releases, dynos, and the router before them. */
export class App {
  readonly router: Router;
  readonly #options: AppOptions;
  readonly #times: DynoTimes;
  readonly #dynos: Set<Dyno>;
  #config: Readonly<Record<string, string>> = {};
  #slug: Slug | undefined;
  #version = 0;
  /** Dynos that were asked for; one until it is scaled. */
  #quantity = 1;

  private constructor(options: AppOptions, router: Router, dynos: Set<Dyno>) {
    this.#options = options;
    this.#times = { ...DYNO_TIMES, ...options.dynoTimes };
    this.router = router;
    this.#dynos = dynos;
  }

  /** An app without a release: its router answers H14. Ends with `destroy`. */
  static async create(options: AppOptions = {}): Promise<App> {
    const { routerTimes, random } = options;
    const dynos = new Set<Dyno>();
    const targets = (): readonly Target[] => [...dynos].filter(({ routed }) => routed);
    const router = await Router.open({
      targets,
      ...(routerTimes === undefined ? {} : { times: routerTimes }),
      ...(random === undefined ? {} : { random }),
    });
    return new App(options, router, dynos);
  }

  get config(): Readonly<Record<string, string>> {
    return this.#config;
  }

  /** Those whose process runs. */
  get dynos(): readonly Dyno[] {
    return [...this.#dynos];
  }

  /** Sets config vars, which is a release of its own: what runs is replaced. */
  async setConfig(vars: Readonly<Record<string, string>>): Promise<void> {
    this.#config = { ...this.#config, ...vars };
    if (this.#slug !== undefined) await this.deploy(this.#slug);
  }

  /**
   * A release with overlap: new dynos start; when all of them listen, the old ones get SIGTERM. Fulfils when
   * those are gone. Rejects, and leaves the old ones, where a new one does not start.
   */
  async deploy(slug: Slug): Promise<void> {
    this.#slug = slug;
    this.#version += 1;
    const old = [...this.#dynos];
    try {
      await this.#startAll(Array.from({ length: this.#quantity }, (_, n) => nameOf(n)));
    } catch (error) {
      await this.#killAll([...this.#dynos].filter((dyno) => !old.includes(dyno)));
      throw error;
    }
    await Promise.all(old.map((dyno) => this.#stop(dyno)));
  }

  /** `ps:scale web=<quantity>`: the highest numbers go first. Fulfils when all listen, or are gone. */
  async scale(quantity: number): Promise<void> {
    const before = this.#quantity;
    this.#quantity = quantity;
    if (this.#slug === undefined) return;
    const added = Array.from({ length: quantity }, (_, n) => nameOf(n)).slice(before);
    const removed = [...this.#dynos].filter(({ name }) => Number(name.slice(4)) > quantity);
    await Promise.all([this.#startAll(added), ...removed.map((dyno) => this.#stop(dyno))]);
  }

  /** The daily restart of one dyno: SIGTERM, and its successor of the same name starts at that moment. */
  async restart(name: string): Promise<void> {
    await Promise.all([this.#stop(this.#named(name)), this.#startAll([name])]);
  }

  /** SIGKILL for memory (R15); the platform starts another in its place. */
  async killForMemory(name: string): Promise<void> {
    const dyno = this.#named(name);
    this.#say(`${name} is killed for its memory (R15)`);
    await dyno.kill();
    this.#dynos.delete(dyno);
    await this.#startAll([name]);
  }

  /** Ends everything at once. */
  async destroy(): Promise<void> {
    await this.router.close();
    await this.#killAll([...this.#dynos]);
  }

  async #killAll(dynos: readonly Dyno[]): Promise<void> {
    await Promise.all(dynos.map((dyno) => dyno.kill()));
    for (const dyno of dynos) this.#dynos.delete(dyno);
  }

  #named(name: string): Dyno {
    const dyno = [...this.#dynos].find((each) => each.name === name && each.state === "up");
    if (dyno === undefined) throw new Error(`there is no ${name} that is up`);
    return dyno;
  }

  async #startAll(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.#start(name)));
  }

  async #start(name: string): Promise<void> {
    const { slug, config, version } = this.#release();
    const dyno = await Dyno.start({
      name,
      slug,
      config: { ...config, HEROKU_RELEASE_VERSION: `v${version}` },
      times: this.#times,
    });
    this.#dynos.add(dyno);
    void dyno.server.exit.then(() => this.#ended(dyno));
    this.#options.follow?.(dyno);
    await dyno.boot();
    this.#say(`${name} of v${version} is up`);
  }

  async #stop(dyno: Dyno): Promise<void> {
    this.#say(`${dyno.name} gets SIGTERM`);
    const begin = performance.now();
    const { code, signal, killed } = await dyno.stop();
    this.#dynos.delete(dyno);
    const seconds = ((performance.now() - begin) / 1000).toFixed(1);
    const how = killed ? "had to be killed (R12)" : `ended with ${code ?? signal}`;
    this.#say(`${dyno.name} ${how} after ${seconds} s`);
    if (killed || code !== 0) throw new Error(`${dyno.name} ${how} after ${seconds} s`);
  }

  #ended(dyno: Dyno): void {
    if (!dyno.crashed) return;
    this.#dynos.delete(dyno);
    this.#say(`${dyno.name} crashed (H10)`);
  }

  #release(): Release {
    if (this.#slug === undefined) throw new Error("nothing was deployed");
    return { slug: this.#slug, config: this.#config, version: this.#version };
  }

  #say(event: string): void {
    this.#options.say?.(event);
  }
}

function nameOf(index: number): string {
  return `web.${index + 1}`;
}
