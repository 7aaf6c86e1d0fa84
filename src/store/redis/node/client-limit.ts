import type { Redis } from "ioredis";
import type { Logger } from "../../../logging/logger.ts";
import { unlessRefused } from "../errors.ts";

/** While a release replaces another, both run, so there are twice as many processes. */
const DURING_A_DEPLOY = 2;

/**
 * Share of the server's connections from which on a warning is logged; the rest is for the operator's own
 * tools.
 */
const NEAR = 0.8;

/** The use of a server's connections. */
export interface ClientUse {
  /** The server's limit; undefined if it does not tell. */
  readonly limit: number | undefined;
  /** Open connections of all clients. */
  readonly connected: number;
}

/**
 * Reads the use of connections. Rejects with Redis's error of INFO; managed servers may forbid CONFIG, which
 * is only read before Redis 7.
 */
export async function readClientUse(redis: Redis): Promise<ClientUse> {
  const info = await unlessRefused(redis.info("clients"), "");
  const read = (name: string) => {
    const found = new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const limit = read("maxclients") ?? (await configuredLimit(redis));
  return { limit, connected: read("connected_clients") ?? 0 };
}

async function configuredLimit(redis: Redis): Promise<number | undefined> {
  const reply: unknown = await redis.config("GET", "maxclients").catch(() => undefined);
  // A list of names and values, or an object, depending on the version of the wire protocol.
  const value: unknown = Array.isArray(reply) ? reply[1] : Object.values(reply ?? {})[0];
  const limit = Number(value);
  return Number.isInteger(limit) && limit > 0 ? limit : undefined;
}

/**
 * Returns how many connections a deploy of these `processes` needs, with `each` connections per process and
 * the open ones of others, if that nears the limit; undefined if there is enough space, or if that is
 * unknown.
 */
export function tightness(
  { limit, connected }: ClientUse,
  processes: number,
  each: number,
): number | undefined {
  if (limit === undefined) return undefined;
  const others = Math.max(0, connected - processes * each);
  const needed = processes * each * DURING_A_DEPLOY + others;
  return needed > limit * NEAR ? needed : undefined;
}

/** Warns once, soon after a start, that a deploy may need more connections than the server allows. */
export class ClientLimit {
  readonly #each: number;
  readonly #logger: Logger;
  #reports = 0;

  /** @param each connections per process. */
  constructor(each: number, logger: Logger) {
    this.#each = each;
    this.#logger = logger;
  }

  /**
   * To be called after each report of this process; `processes` returns how many there are. Checks after the
   * second report: by then all processes that started together have made their first. Rejects with Redis's
   * error.
   */
  async reported(redis: Redis, processes: () => Promise<number>): Promise<void> {
    this.#reports += 1;
    if (this.#reports !== 2) return;
    const [use, count] = await Promise.all([readClientUse(redis), processes()]);
    const needed = tightness(use, count, this.#each);
    if (needed === undefined) return;
    const fields = { event: "redis-connections", processes: count, needed, limit: use.limit };
    this.#logger.warn(
      fields,
      "Redis allows few connections: a deploy, where every process runs twice, may find none left",
    );
  }
}
