import type { Redis } from "ioredis";
import { enterHint, exitHint } from "../../ephemeral.ts";
import { randomIncrement } from "../../random-increment.ts";
import type { HandleClaim, LeftHandle, PresenceSnapshot, RoomUser } from "../../store.ts";
import type { Keys } from "../keys.ts";
import { SETTLE_HANDLES, SYNC_PRESENCE } from "../node/scripts.ts";
import type { Timeouts } from "../timeouts.ts";
import type { Changes } from "./presence-batcher.ts";
import { claimArgument, lookArguments } from "./requested-handles.ts";

/** Users per command and event, a few KB. */
const AT_ONCE = 200;

/** Stores who is in which room, in two hashes per room; leases decide which of it is still valid. */
export class PresenceStore {
  readonly #keys: Keys;
  readonly #instance: string;
  readonly #timeouts: Timeouts;

  /** @param instance must not contain a colon. */
  constructor(keys: Keys, instance: string, timeouts: Timeouts) {
    this.#keys = keys;
    this.#instance = instance;
    this.#timeouts = timeouts;
  }

  /**
   * Stores and publishes changes. Rejects if one of the commands failed; all are sent before this returns.
   */
  async change(redis: Redis, room: string, changes: Changes): Promise<void> {
    const all = [...changes];
    const commands: Promise<unknown>[] = [];
    for (let start = 0; start < all.length; start += AT_ONCE) {
      commands.push(...this.#changeSome(redis, room, all.slice(start, start + AT_ONCE)));
    }
    await Promise.all(commands);
  }

  /** See MessageStore.syncPresence; rejects with Redis's error. */
  async syncPresence(redis: Redis, room: string, here: readonly RoomUser[]): Promise<PresenceSnapshot[]> {
    const keys = [this.#keys.who(room), this.#keys.networks(room)];
    const record = here.flatMap(({ id, handle, network = "" }) => [id, handle, network]);
    const fields = parseRecord(
      await SYNC_PRESENCE.run(redis, keys, [
        this.#instance,
        this.#timeouts.whoMs,
        this.#keys.channel(room),
        ...record,
      ]),
    );
    const dead = await this.#withoutLease(redis, new Set(fields.map(({ instance }) => instance)));
    const left = fields.filter(({ instance }) => dead.has(instance)).map(({ field }) => field);
    if (left.length > 0) await Promise.all(keys.map((key) => redis.hdel(key, ...left)));
    return merge(fields.filter(({ instance }) => !dead.has(instance)));
  }

  /** See MessageStore.settleHandles; rejects with Redis's error. */
  async settleHandles(
    redis: Redis,
    room: string,
    claims: readonly HandleClaim[],
    left: readonly LeftHandle[],
  ): Promise<string[]> {
    const settled: string[] = [];
    for (let start = 0; start < Math.max(claims.length, left.length); start += AT_ONCE) {
      const some = claims.slice(start, start + AT_ONCE);
      const reply = await SETTLE_HANDLES.run(
        redis,
        [this.#keys.handles(room), this.#keys.who(room)],
        [
          this.#instance,
          randomIncrement(),
          some.length,
          this.#keys.youngerKeys(room, ""),
          ...some.map(claimArgument),
          ...left
            .slice(start, start + AT_ONCE)
            .flatMap(({ user, requested }) => [user, ...lookArguments(requested)]),
        ],
      );
      const numbers: readonly unknown[] = Array.isArray(reply) ? reply : [];
      for (const [index, { requested }] of some.entries()) {
        const number = String(numbers[index] ?? "");
        settled.push(number === "" ? requested.handle : `${requested.stem.handle} ${number}`);
      }
    }
    return settled;
  }

  #changeSome(
    redis: Redis,
    room: string,
    changes: readonly (readonly [string, RoomUser | undefined])[],
  ): Promise<unknown>[] {
    const who = this.#keys.who(room);
    const networks = this.#keys.networks(room);
    const channel = this.#keys.channel(room);
    const instance = this.#instance;
    const here = changes.flatMap(([, person]) => (person === undefined ? [] : [person]));
    const gone = changes.flatMap(([user, person]) => (person === undefined ? [user] : []));
    const commands: Promise<unknown>[] = [];
    if (here.length > 0) {
      const fields = here.flatMap(({ id, handle }) => [`${instance}:${id}`, handle]);
      const origins = here.flatMap(({ id, network }) =>
        network === undefined ? [] : [`${instance}:${id}`, network],
      );
      commands.push(redis.hset(who, ...fields), redis.pexpire(who, this.#timeouts.whoMs));
      if (origins.length > 0)
        commands.push(redis.hset(networks, ...origins), redis.pexpire(networks, this.#timeouts.whoMs));
      commands.push(redis.publish(channel, enterHint(instance, here)));
    }
    if (gone.length > 0) {
      const fields = gone.map((user) => `${instance}:${user}`);
      commands.push(
        redis.hdel(who, ...fields),
        redis.hdel(networks, ...fields),
        redis.publish(channel, exitHint(instance, gone)),
      );
    }
    return commands;
  }

  /** Returns the instances without a valid lease. */
  async #withoutLease(redis: Redis, instances: ReadonlySet<string>): Promise<Set<string>> {
    const others = [...instances].filter((instance) => instance !== this.#instance);
    const held = await Promise.all(others.map((instance) => redis.exists(this.#keys.lease(instance))));
    return new Set(others.filter((_, index) => held[index] === 0));
  }
}

interface Field extends RoomUser {
  readonly field: string;
  readonly instance: string;
}

/**
 * Parses the record of a room. A field that is not `<instance>:<user>` belongs to the empty instance, which
 * never has a lease.
 */
function parseRecord(reply: unknown): Field[] {
  const [people, networks] = Array.isArray(reply) ? reply.map(pairsIn) : [];
  return Array.from(people ?? [], ([field, handle]) => {
    const cut = Math.max(0, field.indexOf(":"));
    const network = networks?.get(field);
    return { field, instance: field.slice(0, cut), id: field.slice(cut + 1), handle, network };
  });
}

/** Parses the reply to HGETALL. */
function pairsIn(reply: unknown): Map<string, string> {
  const flat: readonly unknown[] = Array.isArray(reply) ? reply : [];
  const pairs = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.set(String(flat[i]), String(flat[i + 1]));
  return pairs;
}

function merge(fields: readonly Field[]): PresenceSnapshot[] {
  const people = new Map<string, RoomUser & { instances: string[] }>();
  for (const { id, handle, network, instance } of fields) {
    const present = people.get(id);
    if (present === undefined) people.set(id, { id, handle, network, instances: [instance] });
    else present.instances.push(instance);
  }
  return [...people.values()];
}
