import { describe, expect, it } from "vitest";
import { ChatClient } from "../../../src/client/client.ts";
import type { People } from "../../../src/client/room/people.ts";
import type { Room } from "../../../src/client/room/room.ts";
import { joinedClient, messages } from "../../kit/clients/connected-client.ts";
import { FakeClock } from "../../kit/fakes/fake-clock.ts";
import { ModelServer, NO_FAULTS } from "../../kit/fakes/model-server.ts";
import { seededRandom } from "../../kit/fakes/seeded-random.ts";

/** The getters of a class that give an object or a list, found by asking: a new one is looked at as well. */
function getters<T extends object>(of: T): { readonly name: string; readonly read: () => unknown }[] {
  const described = Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(of)));
  return described.flatMap(([name, { get }]) => (get ? [{ name, read: () => get.call(of) }] : []));
}

/** What is shared with readers: each value, and a copy of what it was when it was given out. */
class Watched {
  readonly name: string;
  readonly #read: () => unknown;
  #value: unknown;
  #copy: unknown;
  /** How often another value was given. */
  changes = 0;

  constructor(name: string, read: () => unknown) {
    this.name = name;
    this.#read = read;
    this.#value = read();
    this.#copy = copyOf(this.#value);
  }

  /** Returns what is wrong, if anything is. */
  look(): string | undefined {
    const [before, copy] = [this.#value, this.#copy];
    const now = this.#read();
    this.#value = now;
    this.#copy = copyOf(now);
    if (this.#read() !== now) return `${this.name} is another object each time`;
    if (!isDeepEqual(copyOf(before), copy)) return `${this.name} was changed in place`;
    if (now !== before && isDeepEqual(copyOf(now), copy))
      return `${this.name} is another object with the same content`;
    if (now !== before) this.changes += 1;
    return undefined;
  }
}

/** Rooms live on and are compared by identity; everything else is a value. */
function copyOf(value: unknown): unknown {
  return Array.isArray(value) && value.some((each) => typeof each?.send === "function")
    ? [...value]
    : structuredClone(value);
}

function isDeepEqual(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && one.some((each) => typeof each?.send === "function")) {
    return Array.isArray(other) && one.length === other.length && one.every((each, at) => each === other[at]);
  }
  return JSON.stringify(one) === JSON.stringify(other);
}

const FAULTS = {
  ...NO_FAULTS,
  drop: 0.05,
  lostPublish: 0.05,
  unavailable: 0.1,
  doubleAck: 0.3,
  doubleEcho: 0.3,
  reset: 0.02,
  noise: 0.2,
};

describe("what the client, a room and its people give to read", () => {
  it("is the same object until it changes, then another one, and never changed in place, in 80 runs", () => {
    const changes = new Map<string, number>();
    for (let seed = 1; seed <= 80; seed += 1) {
      const random = seededRandom(seed);
      const clock = new FakeClock();
      const server = new ModelServer(clock, random, FAULTS);
      // More than a first answer holds.
      for (let n = 0; n < 12; n += 1) server.say(`before ${n}`);
      const client = new ChatClient({ url: "ws://x/ws", clock, random, openSocket: server.open });
      const room: Room = client.join("lobby");
      const people: People = room.people;
      const watched = Object.entries({ client, room, people }).flatMap(([owner, of]) =>
        getters(of).map(({ name, read }) => new Watched(`${owner}.${name}`, read)),
      );
      const look = (): void => {
        const problems = watched.flatMap((each) => each.look() ?? []);
        expect(problems, `seed ${seed}`).toEqual([]);
      };
      for (const name of [
        "state",
        "reset",
        "added",
        "changed",
        "older",
        "outgoing",
        "people",
        "typing",
      ] as const)
        room.on(name, look);
      for (const name of ["connection", "self", "status"] as const) client.on(name, look);
      client.start();
      for (let step = 0; step < 60; step += 1) {
        clock.advance(Math.floor(random() * 1_000));
        look();
        act(random(), { client, server, room });
        look();
      }
      for (const { name, changes: count } of watched) changes.set(name, (changes.get(name) ?? 0) + count);
    }
    // Everything that can change did: nothing was overlooked.
    const unchanged = [...changes].filter(([, count]) => count === 0).map(([name]) => name);
    expect(unchanged.sort()).toEqual(["client.textLength", "room.refusal", "room.right"]);
  });
});

it("a room gives the same messages where a stream that began anew holds the very same, and else keeps those that are", () => {
  const { network, room } = joinedClient(messages(1, 9));
  const before = room.messages;
  const resync = (page: readonly object[]): void => {
    const fields = { room: "lobby", recovered: false, head: "9-0", more: false, handle: "Ada" };
    network.socket.deliver({ ...fields, type: "joined", messages: page, present: { count: 0, users: [] } });
  };
  resync(messages(1, 9));
  expect(room.messages).toBe(before);
  resync([...messages(1, 8), ...messages(9, 9, { text: "another" })]);
  expect(room.messages).not.toBe(before);
  expect(room.messages[7]).toBe(before[7]);
  expect([before[8]?.text, room.messages[8]?.text]).toEqual(["text 9", "another"]);
});

/** Something that a user does, or others do. */
function act(
  dice: number,
  { client, server, room }: { client: ChatClient; server: ModelServer; room: Room },
): void {
  const [first] = room.outgoing;
  if (dice < 0.25) room.send(`text ${dice}`);
  else if (dice < 0.4) server.say(`theirs ${dice}`);
  else if (dice < 0.5) void room.loadOlder(room.messages.find(({ gap }) => gap === "open")?.id);
  else if (dice < 0.55)
    server.tell({ type: "typing", room: "lobby", user: "u2", handle: "Bob", on: dice < 0.53 });
  else if (dice < 0.65)
    server.tell({
      type: "presence",
      room: "lobby",
      count: 2,
      joined: [{ id: "u2", handle: `Bob ${dice < 0.6}` }],
    });
  else if (dice < 0.7) server.tell({ type: "presence", room: "lobby", count: 1, left: ["u2"] });
  else if (dice < 0.75) client.join(`room-${dice}`);
  else if (dice < 0.8) for (const { name } of client.rooms.slice(1)) client.leave(name);
  else if (dice < 0.85 && first) room.retry(first.key);
  else if (dice < 0.9 && first) room.discard(first.key);
  else if (dice < 0.95) room.restore(structuredClone(room.outgoing));
  else server.amend(dice < 0.97 ? "edited" : "removed");
}
