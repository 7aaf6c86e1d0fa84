import type { Redis } from "ioredis";
import type { Person } from "../../protocol.ts";
import type { Present } from "../log.ts";
import { encodePresenceHint } from "../presence-hint.ts";
import type { Keys } from "./keys.ts";
import { ROLL_CALL } from "./scripts.ts";
import type { Times } from "./times.ts";

/** The record of who is in which room, one hash a room, and the leases that say which of it still holds. */
export class People {
  readonly #keys: Keys;
  readonly #instance: string;
  readonly #times: Times;

  /** @param instance must not contain a colon. */
  constructor(keys: Keys, instance: string, times: Times) {
    this.#keys = keys;
    this.#instance = instance;
    this.#times = times;
  }

  /** Rejects when one of the three commands failed; the commands are sent before this returns. */
  async enter(redis: Redis, room: string, person: Person): Promise<void> {
    const who = this.#keys.who(room);
    const hint = encodePresenceHint({ type: "enter", instance: this.#instance, person });
    await Promise.all([
      redis.hset(who, `${this.#instance}:${person.id}`, person.handle),
      redis.pexpire(who, this.#times.whoMs),
      redis.publish(this.#keys.channel(room), hint),
    ]);
  }

  /** Rejects when one of the two commands failed; the commands are sent before this returns. */
  async exit(redis: Redis, room: string, user: string): Promise<void> {
    const hint = encodePresenceHint({ type: "exit", instance: this.#instance, user });
    await Promise.all([
      redis.hdel(this.#keys.who(room), `${this.#instance}:${user}`),
      redis.publish(this.#keys.channel(room), hint),
    ]);
  }

  /** As Log.rollCall; rejects with whatever Redis said. */
  async rollCall(redis: Redis, room: string, here: readonly Person[]): Promise<Present[]> {
    const who = this.#keys.who(room);
    const record = here.flatMap(({ id, handle }) => [id, handle]);
    const fields = parseRecord(
      await ROLL_CALL.run(
        redis,
        [who],
        [this.#instance, this.#times.whoMs, this.#keys.channel(room), ...record],
      ),
    );
    const dead = await this.#withoutLease(redis, new Set(fields.map(({ instance }) => instance)));
    const left = fields.filter(({ instance }) => dead.has(instance));
    if (left.length > 0) await redis.hdel(who, ...left.map(({ field }) => field));
    return merge(fields.filter(({ instance }) => !dead.has(instance)));
  }

  /** Which of them did not say within `Times.leaseMs` that they live. */
  async #withoutLease(redis: Redis, instances: ReadonlySet<string>): Promise<Set<string>> {
    const others = [...instances].filter((instance) => instance !== this.#instance);
    const held = await Promise.all(others.map((instance) => redis.exists(this.#keys.lease(instance))));
    return new Set(others.filter((_, index) => held[index] === 0));
  }
}

interface Field extends Person {
  readonly field: string;
  readonly instance: string;
}

/** A field that is not `<instance>:<user>` belongs to the empty instance, which never has a lease. */
function parseRecord(reply: unknown): Field[] {
  const flat: readonly unknown[] = Array.isArray(reply) ? reply : [];
  const fields: Field[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const field = String(flat[i]);
    const cut = Math.max(0, field.indexOf(":"));
    fields.push({
      field,
      instance: field.slice(0, cut),
      id: field.slice(cut + 1),
      handle: String(flat[i + 1]),
    });
  }
  return fields;
}

function merge(fields: readonly Field[]): Present[] {
  const people = new Map<string, Person & { instances: string[] }>();
  for (const { id, handle, instance } of fields) {
    const present = people.get(id);
    if (present === undefined) people.set(id, { id, handle, instances: [instance] });
    else present.instances.push(instance);
  }
  return [...people.values()];
}
