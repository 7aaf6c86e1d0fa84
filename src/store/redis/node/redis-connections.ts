import { Redis, type RedisOptions } from "ioredis";
import { describe } from "../errors.ts";
import type { RedisAddress } from "../redis-url.ts";
import type { Timeouts } from "../timeouts.ts";
import { BatchingRedis } from "./batching-redis.ts";
import { rejectionOf } from "./rejection.ts";

/** Where Redis is and how to trust it. */
export interface RedisStoreOptions {
  /** As `redisAddress` reads it. */
  readonly url: string;
  /** Before every key and channel. */
  readonly prefix: string;
  /** False accepts any certificate; only for `rediss://`. */
  readonly tlsVerify: boolean;
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: string;
  /** An append is `stored` once that many replicas have it; default 0, then the link has no third connection. */
  readonly minReplicas?: number;
  /** What this process is called; drawn where nothing is given. */
  readonly instance?: string;
}

export interface RedisConnectionsListener {
  /** Bytes as they came, from a channel that is or was subscribed. */
  onData(channel: Buffer, payload: Buffer): void;
  /** One of the connections has ended; called at most once, not before they are ready nor after `destroy`. */
  lost(reason: string): void;
}

/**
 * The connections of a process, used once: when one ends, all are given up and new ones are made.
 * That keeps every question of what a reconnecting client sends again, or still believes, out of the program.
 */
export class RedisConnections {
  readonly writer: Redis;
  readonly subscriber: Redis;
  /** Where replicas are waited for; undefined where none are asked for. */
  readonly confirmer: Redis | undefined;
  /** All are connected and greeted. Rejects if one of them ends before. */
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
    // Whoever made the link may give it up without ever having looked at this.
    this.ready.catch(() => {});
  }

  /** Ends all connections at once, without a word to the server. Pending commands reject. */
  destroy(): void {
    this.#over = true;
    for (const redis of this.#connections) {
      redis.disconnect();
      // disconnect() alone says goodbye and waits for the server to agree, which a frozen one never does.
      const { stream }: { stream?: { destroy(): unknown } } = redis;
      stream?.destroy();
    }
  }

  readonly #onData = (channel: Buffer, payload: Buffer): void => {
    if (this.#over) return;
    // The payload is a window on what one read of the socket brought. In a burst that is 64 KiB, which a
    // room that keeps one small message would keep alive.
    const read = payload.buffer.byteLength;
    this.#listener.onData(channel, read > 4 * payload.length + 1_024 ? Buffer.from(payload) : payload);
  };

  readonly #failed = (error: unknown): void => {
    this.#error ??= error;
  };

  readonly #ended = (): void => {
    // Before, `ready` tells.
    if (this.#over || !this.#isReady) return;
    this.#over = true;
    this.#listener.lost(describe(this.#error ?? new Error("ended")));
  };
}

function becomesReady(redis: Redis): Promise<void> {
  return new Promise((resolve, reject) => {
    redis.once("ready", resolve);
    // Also what the client library could live with, a database number that does not exist: it would go on
    // in another database.
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
    // Sending again, waiting in a queue, reconnecting: each is decided by the store, which knows what may be
    // doubled and who waits.
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // A server that is still loading answers the first command with LOADING, and that is an answer.
    enableReadyCheck: false,
    disableClientInfo: true,
  } satisfies RedisOptions;
  if (!encrypted) return new Client(options);
  const tls = { rejectUnauthorized: tlsVerify, ...(ca === undefined ? {} : { ca }) };
  return new Client({ ...options, tls });
}
