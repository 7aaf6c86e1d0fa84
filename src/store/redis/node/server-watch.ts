import type { Redis } from "ioredis";
import type { Logger } from "../../../logging/logger.ts";
import { describe, isRefusedBySetup } from "../errors.ts";
import type { Keys } from "../keys.ts";
import type { RedisConnections } from "./redis-connections.ts";
import { PERMISSIONS } from "./scripts.ts";
import { UnusableServer } from "./unusable-server.ts";

/** ZRANGE REV, ZADD GT, XTRIM MINID and exclusive ranges of streams came with it. */
const LEAST = { major: 6, minor: 2 } as const;

/** What a server says of itself, as far as it matters here; undefined: it does not say. */
interface ServerFacts {
  readonly version: string | undefined;
  readonly isCluster: boolean;
  readonly isReplica: boolean;
  /** What happens to keys when the memory is full. */
  readonly policy: string | undefined;
  /** Whether the last attempt to write its data to disk failed. */
  readonly isUnsaved: boolean;
}

/**
 * Looks at what a server is: whether messages can be kept there at all, and what its operator should change. Each warning is logged once
 * when it begins to hold.
 */
export class ServerWatch {
  readonly #logger: Logger;
  readonly #everyMs: number;
  #warnings: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(everyMs: number, logger: Logger) {
    this.#everyMs = everyMs;
    this.#logger = logger;
  }

  /** What should be changed, a sentence each; messages are stored all the same. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** Rejects with UnusableServer where messages cannot be kept on this server, else with whatever Redis said. */
  async check(redis: Redis): Promise<void> {
    try {
      const facts = parse(await redis.info());
      expectUsable(facts);
      this.#warn(warningsOf(facts));
    } catch (error) {
      // A server that answers, and not with this: managed ones may forbid it, and everything else works.
      if (!isRefusedBySetup(error)) throw error;
      this.#warn([`${describe(error)}: neither the server's version nor its memory policy is known`]);
    }
  }

  /** Checks every few seconds until `stop`; `failed` is told of a server that became unusable. */
  start(redis: Redis, failed: (reason: string) => void): void {
    this.stop();
    const check = (): void => {
      this.check(redis).catch((error: unknown) => {
        // Of a connection that fails the round trip tells more.
        if (error instanceof UnusableServer) failed(error.message);
      });
    };
    this.#timer = setInterval(check, this.#everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #warn(warnings: readonly string[]): void {
    for (const sentence of warnings) {
      if (!this.#warnings.includes(sentence)) this.#logger.warn({ event: "redis-server" }, sentence);
    }
    for (const sentence of this.#warnings) {
      if (!warnings.includes(sentence))
        this.#logger.info({ event: "redis-server" }, `no longer: ${sentence}`);
    }
    this.#warnings = warnings;
  }
}

/** Rejects with UnusableServer where the user may not do what a process does, else with whatever Redis said. */
export async function expectPermissions({ writer, subscriber }: RedisConnections, keys: Keys): Promise<void> {
  const { key, channel } = keys.trial();
  const [forbidden] = await Promise.all([
    PERMISSIONS.run(writer, [key], [channel]),
    subscriber.subscribe(channel),
  ]);
  await subscriber.unsubscribe(channel);
  if (!Array.isArray(forbidden) || forbidden.length === 0) return;
  throw new UnusableServer(`Redis forbids this user ${forbidden.join(", ")}; allow it in its ACL`);
}

function parse(info: string): ServerFacts {
  const read = (name: string) => new RegExp(`^${name}:([^\r\n]*)`, "m").exec(info)?.[1];
  return {
    version: read("redis_version"),
    isCluster: read("cluster_enabled") === "1",
    isReplica: read("role") === "slave",
    policy: read("maxmemory_policy"),
    isUnsaved: read("rdb_last_bgsave_status") === "err" || read("aof_last_write_status") === "err",
  };
}

function expectUsable({ version, isCluster, isReplica }: ServerFacts): void {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version ?? "") ?? [];
  const isOld = Number(major) < LEAST.major || (Number(major) === LEAST.major && Number(minor) < LEAST.minor);
  if (isOld) {
    const sentence = `Redis ${version} is too old; upgrade it to ${LEAST.major}.${LEAST.minor} or newer`;
    throw new UnusableServer(sentence, true);
  }
  if (isCluster) {
    throw new UnusableServer(
      "Redis is a node of a cluster, and most rooms would be on others; use a server without cluster mode",
    );
  }
  if (isReplica) throw new UnusableServer("Redis is a read-only replica; connect to its master");
}

function warningsOf({ policy, isUnsaved }: ServerFacts): string[] {
  const unsaved = isUnsaved
    ? ["Redis cannot save its data to disk and may refuse messages; its own log says why"]
    : [];
  return [...evictionWarnings(policy), ...unsaved];
}

function evictionWarnings(policy: string | undefined): string[] {
  if (policy === undefined || policy === "noeviction") return [];
  const what = policy.startsWith("allkeys-")
    ? "rooms, remembered keys and shared secrets"
    : "rooms and remembered keys";
  return [`Redis evicts ${what} when it is full (maxmemory-policy ${policy}); set it to noeviction`];
}
