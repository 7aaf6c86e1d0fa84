import { deferred } from "../../kit/vitest/wait-for.ts";
import type { Attacker } from "../attacker/attacker.ts";
import type { Figures, Scenario, Scene } from "../scenario.ts";
import { roomNames, seedRooms } from "../seed.ts";

export interface Flood {
  readonly sockets: number;
  /** The room of the n-th guest. */
  readonly roomOf: (guest: number) => string;
  readonly text: string;
}

/** Messages after which the attacker becomes another guest. */
const PER_GUEST = 10;

/** For the answers to one guest's messages, ms. */
const ANSWERS_MS = 2_000;

export const SMALL_REDIS = ["--maxmemory", "25mb", "--maxmemory-policy", "noeviction"];

/** Sends as many messages as possible, ten as each new guest, over some connections at a time. */
export async function floodAsGuests(attacker: Attacker, { sockets, roomOf, text }: Flood): Promise<Figures> {
  const begun = performance.now();
  let [guests, stored, refused, shut] = [0, 0, 0, 0];
  const asOneGuest = async (guest: number): Promise<void> => {
    const room = roomOf(guest);
    let answers = 0;
    const answered = deferred<void>();
    const onText = (frame: string): void => {
      const isAck = frame.startsWith('{"type":"ack"');
      if (!isAck && !frame.startsWith('{"type":"error"')) return;
      if (isAck) stored += 1;
      else refused += 1;
      answers += 1;
      if (answers >= PER_GUEST) answered.resolve();
    };
    const socket = await attacker.guest({ port: attacker.port(guest), onText });
    if (socket === undefined) {
      shut += 1;
      await attacker.pause(20);
      return;
    }
    socket.socket.once("close", () => answered.resolve());
    socket.send({ type: "join", ref: 1, room, limit: 0 });
    for (let n = 0; n < PER_GUEST; n += 1) {
      const key = `${guest}-${n}-`.padEnd(64, "k");
      socket.send({ type: "message", ref: n + 2, room, key, text });
    }
    const timer = setTimeout(() => answered.resolve(), ANSWERS_MS);
    await answered.promise;
    clearTimeout(timer);
    socket.destroy();
  };
  await Promise.all(Array.from({ length: sockets }, () => attacker.repeat(() => asOneGuest(guests++))));
  const seconds = (performance.now() - begun) / 1_000;
  return {
    "attacker's guests": guests - shut,
    "attacker's messages stored": stored,
    "attacker's messages stored per s": Math.round(stored / seconds),
    "attacker's messages refused": refused,
    "attacker's connections refused": shut,
  };
}

/** Returns the name of an unused room. */
function newRoom(guest: number): string {
  return `flood-${process.pid}-${guest}`;
}

/** Rooms that are seeded before the attack. */
export const OLD_ROOMS = roomNames("old", 20);
const MESSAGES = 300;

export async function seededLeft({ stage }: Scene): Promise<Figures> {
  let left = 0;
  for (const room of OLD_ROOMS) left += await stage.admin.xlen(`dynochat:{${room}}:log`);
  const memory = await stage.admin.info("memory");
  const used = Number(/^used_memory:(\d+)/m.exec(memory)?.[1] ?? 0);
  return { "history left of 6,000": left, "Redis used %": Math.round((100 * used) / (25 * 1024 * 1024)) };
}

export const roomFlood: Scenario = {
  name: "room-flood",
  does: "fills a Redis of 25 MB with rooms of its own, as ever new guests",
  redisArgs: SMALL_REDIS,
  attackMs: 12_000,
  prepare: async (stage) => {
    await seedRooms(stage, { rooms: OLD_ROOMS, messages: MESSAGES, text: "y".repeat(400) });
    return {};
  },
  attack: (attacker) => floodAsGuests(attacker, { sockets: 60, roomOf: newRoom, text: "z".repeat(2_000) }),
  after: seededLeft,
  limits: [{ figure: "history left of 6,000", atLeast: 6_000 }],
};

export const keyFlood: Scenario = {
  name: "key-flood",
  does: "fills a Redis of 25 MB with keys of 64 letters of messages of one letter, as ever new guests",
  redisArgs: SMALL_REDIS,
  attackMs: 25_000,
  prepare: async (stage) => {
    // Two thirds of the memory, as in a chat that is used.
    await seedRooms(stage, { rooms: OLD_ROOMS, messages: MESSAGES, text: "y".repeat(1_900) });
    return { attacked: "attic" };
  },
  attack: (attacker) => floodAsGuests(attacker, { sockets: 100, roomOf: () => "attic", text: "k" }),
  after: seededLeft,
  limits: [{ figure: "history left of 6,000", atLeast: 6_000 }],
};

export const guestFlood: Scenario = {
  name: "guest-flood",
  does: "talks in a room of others over 100 connections, as a new guest every 10 messages",
  attackMs: 8_000,
  prepare: async () => ({ attacked: "room-1" }),
  attack: (attacker) => floodAsGuests(attacker, { sockets: 100, roomOf: () => "room-1", text: "noise" }),
  // 60 per second, and what may come at once.
  limits: [{ figure: "attacker's messages stored per s", atMost: 150 }],
};
