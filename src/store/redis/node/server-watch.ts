import type { Redis } from "ioredis";
import type { Logger } from "../../../logging/logger.ts";
import { describe, isRefusedBySetup } from "../errors.ts";
import type { Keys } from "../keys.ts";
import type { RedisConnections } from "./redis-connections.ts";
import { PERMISSIONS } from "./scripts.ts";
import { UnusableServer } from "./unusable-server.ts";

/**
 * The oldest supported version, which has ZRANGE REV, ZADD GT, XTRIM MINID and exclusive ranges of streams.
 */
const LEAST = { major: 6, minor: 2 } as const;

/** The properties of a server that matter here; undefined if it does not tell. */
interface ServerFacts {
  readonly version: string | undefined;
  readonly isCluster: boolean;
  readonly isReplica: boolean;
  /** The eviction policy when the memory is full. */
  readonly policy: string | undefined;
  /** Whether the last attempt to write its data to disk failed. */
  readonly isUnsaved: boolean;
}

/**
 * Checks whether messages can be kept on a server, and what its operator should change. Each warning is
 * logged once when it begins to apply.
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

  /** What the operator should change, one sentence each; messages are stored nevertheless. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** Checks a server. Rejects with UnusableServer if messages cannot be kept on it, or with Redis's error. */
  async check(redis: Redis): Promise<void> {
    try {
      const facts = parse(await redis.info());
      expectUsable(facts);
      this.#warn(warningsOf(facts));
    } catch (error) {
      // Managed servers may forbid this command, while everything else works.
      if (!isRefusedBySetup(error)) throw error;
      this.#warn([`${describe(error)}: neither the server's version nor its memory policy is known`]);
    }
  }

  /** Checks every few seconds until `stop`; calls `failed` if the server becomes unusable. */
  start(redis: Redis, failed: (reason: string) => void): void {
    this.stop();
    const check = (): void => {
      this.check(redis).catch((error: unknown) => {
        // The probe reports a connection that fails.
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

/**
 * Checks the permissions of the user. Rejects with UnusableServer if some are missing, or with Redis's error.
 */
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
