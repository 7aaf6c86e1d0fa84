import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../ports.ts";
import { type Certificates, makeCertificates } from "../servers/certificates.ts";
import { FaultProxy } from "../servers/fault-proxy.ts";
import { startRedis, type TestRedis } from "../servers/redis.ts";
import { waitFor } from "../vitest/wait-for.ts";

/** Settings of redis-server. */
export type RedisPlan = Readonly<Record<string, string>>;

/** The smallest plan, as the platform's documents describe it. */
export const MINI_PLAN = {
  maxclients: "20",
  maxmemory: "25mb",
  "maxmemory-policy": "noeviction",
  /** Seconds without a command after which a connection is closed. */
  timeout: "300",
} as const satisfies RedisPlan;

/**
 * What was answered is written, and is there again after maintenance: the process ends, not the machine, so
 * the system keeps it. Waiting for the disk would only show how busy this machine's disk is.
 */
const DURABLE: RedisPlan = { appendonly: "yes", appendfsync: "no" };

/** For a replica to be in step and to take over, ms. */
const FAILOVER_MS = 20_000;

/** A server, and the port on which it speaks TLS. */
interface Place {
  readonly redis: TestRedis;
  readonly tlsPort: number;
}

/**
 * Redis as the platform's add-on offers it: TLS with a chain whose last certificate signed itself, a password
 * that can be rotated, the limits of a plan, and one address that outlives the server after it.
 */
export class RedisAddon {
  readonly #plan: RedisPlan;
  readonly #certificates: Certificates;
  readonly #address: FaultProxy;
  #place: Place;
  #password: string;
  #reachable = true;

  private constructor(
    plan: RedisPlan,
    certificates: Certificates,
    place: Place,
    password: string,
    address: FaultProxy,
  ) {
    this.#plan = plan;
    this.#certificates = certificates;
    this.#place = place;
    this.#password = password;
    this.#address = address;
  }

  /** Starts it. Ends with `destroy`. */
  static async provision(plan: RedisPlan = MINI_PLAN): Promise<RedisAddon> {
    const certificates = await makeCertificates();
    const password = newPassword();
    const place = await startPlace(plan, certificates, password);
    let self: RedisAddon | undefined;
    const address = await FaultProxy.open(() => self?.target);
    self = new RedisAddon(plan, certificates, place, password, address);
    return self;
  }

  /** What the platform puts into REDIS_URL. */
  get url(): string {
    return `rediss://:${this.#password}@127.0.0.1:${this.#address.port}`;
  }

  /** Past TLS and past the address, to the server that is in charge. */
  get directUrl(): string {
    return `redis://:${this.#password}@127.0.0.1:${this.#place.redis.port}`;
  }

  /** The authority's certificate, PEM: what REDIS_CA takes. */
  ca(): Promise<string> {
    return readFile(this.#certificates.ca, "utf8");
  }

  /** Runs redis-cli against the server that is in charge. */
  cli(...args: string[]): Promise<string> {
    return ask(this.#place.redis, this.#password, ...args);
  }

  /** Where a new connection is led now. */
  get target(): number | undefined {
    return this.#reachable ? this.#place.tlsPort : undefined;
  }

  /**
   * A new password; the one before keeps working until `retire`, and those that are connected with it stay.
   * To be done after maintenance, which brings back the password that the server was started with.
   */
  async rotate(): Promise<{ readonly url: string; readonly retire: () => Promise<void> }> {
    const old = this.#password;
    const next = newPassword();
    await this.cli("ACL", "SETUSER", "default", `>${next}`);
    this.#password = next;
    return {
      url: this.url,
      retire: async () => void (await this.cli("ACL", "SETUSER", "default", `<${old}`)),
    };
  }

  /** The server is away for that long, and comes back with its data. */
  async maintenance(ms: number): Promise<void> {
    this.#leave();
    await this.#place.redis.kill();
    await sleep(ms);
    await this.#place.redis.restart();
    this.#reachable = true;
  }

  /**
   * A replica takes over, as in a change of version or plan: it is in step before it does (FAILOVER), and the
   * address leads to it afterwards.
   */
  async failover(): Promise<void> {
    const old = this.#place;
    const masterauth = { replicaof: `127.0.0.1 ${old.redis.port}`, masterauth: this.#password };
    const next = await startPlace({ ...this.#plan, ...masterauth }, this.#certificates, this.#password);
    const has = async (place: Place, section: string, words: string): Promise<boolean> =>
      (await ask(place.redis, this.#password, "INFO", section)).includes(words);
    await this.cli("CONFIG", "SET", "repl-diskless-sync-delay", "0");
    // The master's word counts: it refuses FAILOVER for a replica that it does not call online yet, though
    // that one already calls its link up.
    await waitFor(() => has(old, "replication", "state=online"), "the replica is in step", FAILOVER_MS);
    await this.cli("CONFIG", "SET", "masterauth", this.#password);
    const answer = await this.cli("FAILOVER", "TO", "127.0.0.1", String(next.redis.port));
    if (answer !== "OK") throw new Error(`Redis refuses the failover: ${answer}`);
    await waitFor(() => has(next, "replication", "role:master"), "the replica takes over", FAILOVER_MS);
    this.#leave();
    this.#place = next;
    this.#reachable = true;
    await old.redis.stop();
  }

  async destroy(): Promise<void> {
    await this.#address.close();
    await this.#place.redis.stop();
    await this.#certificates.remove();
  }

  /** The address leads nowhere, and all connections are closed. */
  #leave(): void {
    this.#reachable = false;
    for (const passage of this.#address.passages) passage.cut();
  }
}

async function startPlace(plan: RedisPlan, { chain, key }: Certificates, password: string): Promise<Place> {
  const tlsPort = await freePort();
  const tls = {
    "tls-port": String(tlsPort),
    "tls-cert-file": chain,
    "tls-key-file": key,
    "tls-ca-cert-file": chain,
    "tls-auth-clients": "no",
  };
  const settings = { ...DURABLE, ...tls, ...plan, requirepass: password };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  return { redis: await startRedis({ args }), tlsPort };
}

function ask(redis: TestRedis, password: string, ...args: string[]): Promise<string> {
  return redis.cli("-a", password, "--no-auth-warning", ...args);
}

function newPassword(): string {
  return randomBytes(24).toString("hex");
}
