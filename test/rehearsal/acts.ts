import type { App } from "../kit/platform/app.ts";
import type { RedisAddon } from "../kit/platform/redis-addon.ts";
import type { Slug } from "../kit/platform/slug.ts";

/** What the acts are played on. */
export interface Stage {
  readonly app: App;
  readonly redis: RedisAddon;
  readonly slug: Slug;
  /** How long Redis is away for maintenance, ms. */
  readonly maintenanceMs: number;
}

export interface Act {
  readonly name: string;
  /**
   * Whether the processes were told before: then no client is without service for long. What is not
   * announced, or takes Redis away, is measured all the same.
   */
  readonly planned: boolean;
  /** Fulfils when the platform is done; rejects if a process did not do as it must. */
  play(stage: Stage): Promise<void>;
}

/**
 * What a year on the platform brings, in the order in which it is rehearsed; begins and ends with three
 * dynos.
 */
export const ACTS: readonly Act[] = [
  { name: "ps:scale web=5", planned: true, play: ({ app }) => app.scale(5) },
  { name: "ps:scale web=2", planned: true, play: ({ app }) => app.scale(2) },
  { name: "ps:scale web=3", planned: true, play: ({ app }) => app.scale(3) },
  { name: "deploy", planned: true, play: ({ app, slug }) => app.deploy(slug) },
  ...["web.1", "web.2", "web.3"].map((name) => ({
    name: `daily restart of ${name}`,
    planned: true,
    play: ({ app }: Stage) => app.restart(name),
  })),
  {
    name: "Redis maintenance",
    planned: false,
    play: ({ redis, maintenanceMs }) => redis.maintenance(maintenanceMs),
  },
  { name: "Redis failover", planned: false, play: ({ redis }) => redis.failover() },
  { name: "rotation of REDIS_URL", planned: true, play: rotateCredentials },
  { name: "SIGKILL for memory", planned: false, play: ({ app }) => app.killForMemory("web.2") },
];

/** As the platform does it: a new password beside the old one, a release with it, then the old one's end. */
async function rotateCredentials({ app, redis }: Stage): Promise<void> {
  const { url, retire } = await redis.rotate();
  await app.setConfig({ REDIS_URL: url });
  await retire();
}
