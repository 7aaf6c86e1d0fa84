import { Redis, type RedisOptions } from "ioredis";
import { describe } from "../errors.ts";
import type { RedisAddress } from "../redis-url.ts";
import type { Timeouts } from "../timeouts.ts";
import { BatchingRedis } from "./batching-redis.ts";
import { rejectionOf } from "./rejection.ts";

/** The address of Redis, and how the process connects to it. */
export interface RedisStoreOptions {
  /** URL in the form of `redisAddress`. */
  readonly url: string;
  /** Prefix of every key and channel. */
  readonly prefix: string;
  /** False accepts any certificate; used only for `rediss://`. */
  readonly tlsVerify: boolean;
  /** Trusted certificates (PEM) in place of the system's. */
  readonly ca?: string;
  /** Replicas that must have an append before it is `stored`. Default 0, without a third connection. */
  readonly minReplicas?: number;
  /** The name of this process; random by default. */
  readonly instance?: string;
  /** The features that this release knows; default `FEATURES`. */
  readonly features?: readonly string[];
}

export interface RedisConnectionsListener {
  /** Called with the received bytes of a channel that is or was subscribed. */
  onData(channel: Buffer, payload: Buffer): void;
  /**
   * Called when one of the connections ends; at most once, and neither before they are ready nor after
   * `destroy`.
   */
  lost(reason: string): void;
}

/**
 * The connections of a process, used once: when one ends, all are closed and new ones are made. So it never
 * matters what a reconnecting client library sends again or still assumes.
 */
export class RedisConnections {
  readonly writer: Redis;
  readonly subscriber: Redis;
  /** The connection on which replicas are awaited; undefined if none are required. */
  readonly confirmer: Redis | undefined;
  /** Fulfils when all are connected and authenticated. Rejects if one of them ends before. */
  readonly ready: Promise<void>;
  readonly #connections: readonly Redis[];
  readonly #listener: RedisConnectionsListener;
  #over = false;
  #isReady = false;
  #error: unknown;

  constructor(
    address: RedisAddress,
    options: RedisStoreOptions,
    timeouts: Timeouts,
    listener: RedisConnectionsListener,
  ) {
    this.#listener = listener;
    this.writer = connect(address, options, timeouts, "dynochat:writer", BatchingRedis);
    this.subscriber = connect(address, options, timeouts, "dynochat:subscriber", Redis);
    const { minReplicas = 0 } = options;
    this.confirmer =
      minReplicas > 0 ? connect(address, options, timeouts, "dynochat:confirmer", Redis) : undefined;
    this.#connections = [
      this.writer,
      this.subscriber,
      ...(this.confirmer === undefined ? [] : [this.confirmer]),
    ];
    for (const redis of this.#connections) {
      redis.on("error", this.#failed);
      redis.on("end", this.#ended);
    }
    this.subscriber.on("messageBuffer", this.#onData);
    this.ready = Promise.all(this.#connections.map(becomesReady)).then(
      () => {
        this.#isReady = true;
      },
      async (error: unknown) => {
        throw await rejectionOf(address, error);
      },
    );
    // The owner may close the connections without ever awaiting this promise.
    this.ready.catch(() => {});
  }

  /** Closes all connections at once, without a QUIT. Pending commands reject. */
  destroy(): void {
    this.#over = true;
    for (const redis of this.#connections) {
      redis.disconnect();
      // disconnect() alone waits for the server to close its side, which a frozen one never does.
      const { stream }: { stream?: { destroy(): unknown } } = redis;
      stream?.destroy();
    }
  }

  readonly #onData = (channel: Buffer, payload: Buffer): void => {
    if (this.#over) return;
    // The payload is a view of the buffer of one socket read. In a burst that has 64 KiB, which a room that
    // keeps one small message would keep in memory.
    const read = payload.buffer.byteLength;
    this.#listener.onData(channel, read > 4 * payload.length + 1_024 ? Buffer.from(payload) : payload);
  };

  readonly #failed = (error: unknown): void => {
    this.#error ??= error;
  };

  readonly #ended = (): void => {
    // Before that, `ready` rejects.
    if (this.#over || !this.#isReady) return;
    this.#over = true;
    this.#listener.lost(describe(this.#error ?? new Error("ended")));
  };
}

function becomesReady(redis: Redis): Promise<void> {
  return new Promise((resolve, reject) => {
    redis.once("ready", resolve);
    // Also for an error that the client library ignores, a database number that does not exist: it would
    // continue in another database.
    redis.once("error", reject);
    redis.once("end", () => reject(new Error("Connection is closed.")));
  });
}

function connect(
  { host, port, tls: encrypted, username, password, database }: RedisAddress,
  { tlsVerify, ca }: RedisStoreOptions,
  timeouts: Timeouts,
  name: string,
  Client: typeof Redis,
): Redis {
  const options = {
    host,
    port,
    db: database,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    connectionName: name,
    connectTimeout: timeouts.connectMs,
    commandTimeout: timeouts.commandMs,
    // Resending, queueing and reconnecting are decided by the store, which knows what may be repeated and who
    // waits.
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // A server that is still loading answers the first command with LOADING, which is enough.
    enableReadyCheck: false,
    disableClientInfo: true,
  } satisfies RedisOptions;
  if (!encrypted) return new Client(options);
  const tls = { rejectUnauthorized: tlsVerify, ...(ca === undefined ? {} : { ca }) };
  return new Client({ ...options, tls });
}
