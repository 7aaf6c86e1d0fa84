import { readLog } from "../../checker/stored-log.ts";
import { deferred } from "../../kit/vitest/wait-for.ts";
import type { Attacker } from "../attacker/attacker.ts";
import type { WireSocket } from "../attacker/wire-socket.ts";
import { RULED, siteToken, withRights } from "../rights.ts";
import type { Figures, Parameters, Scene } from "../scenario.ts";
import { seedRooms } from "../seed.ts";
import { OLD_ROOMS, SMALL_REDIS, seededLeft } from "./guest-floods.ts";

/** The prefix of all keys. */
const PREFIX = "dynochat:";

/** For the answer to one request, ms. */
const ANSWER_MS = 2_000;

/** The code of a close frame that says that a client sent too much. */
const TOO_MANY = 4429;

/** As long as a message may be, of characters of four bytes. */
const LONG = "\u{1f4a5}".repeat(2_000);

/** The tokens of one attacker's users, made in the measuring process. */
export async function attackersTokens(): Promise<Parameters> {
  return {
    mallory: await siteToken(RULED.sub),
    trudy: await siteToken("trudy"),
    oscar: await siteToken("oscar"),
  };
}

function tokenOf(parameters: Parameters, name: string): string {
  return String(parameters[name]);
}

/** Returns one of the many addresses that the attacker has besides the first, each a network of its own. */
function addressOf(prefix: number, n: number): string {
  return `127.${prefix}.${(n >> 7) & 255}.${(n & 127) + 1}`;
}

/** A connection that is signed in, whose requests are answered one at a time. */
class Asker {
  readonly socket: WireSocket;
  #ref = 0;
  #answer = deferred<string>();

  constructor(attacker: Attacker, port: number, localAddress: string) {
    this.socket = attacker.upgrade({ port, localAddress, onText: (text) => this.#received(text) });
    this.socket.socket.once("close", () => this.#answer.resolve(""));
  }

  /** Sends a request; returns its answer, or "" where none came. */
  async ask(frame: object): Promise<string> {
    this.#ref += 1;
    this.#answer = deferred<string>();
    if (!this.socket.isOpen) return "";
    this.socket.send({ ...frame, ref: this.#ref });
    const timer = setTimeout(() => this.#answer.resolve(""), ANSWER_MS);
    const answer = await this.#answer.promise;
    clearTimeout(timer);
    return answer;
  }

  #received(text: string): void {
    if (text.includes(`"ref":${this.#ref}`)) this.#answer.resolve(text);
  }
}

/** Returns a connection that is open and signed in; undefined where it was refused. */
async function signIn(
  attacker: Attacker,
  token: string,
  port: number,
  localAddress: string,
): Promise<Asker | undefined> {
  const asker = new Asker(attacker, port, localAddress);
  if (
    (await asker.socket.answered) === 101 &&
    (await asker.ask({ type: "hello", token })).includes('"welcome"')
  )
    return asker;
  asker.socket.destroy();
  return undefined;
}

/** Connections of `floodAsUser` to each process: their refusals stay below those that close connections. */
const WRITERS_PER_PROCESS = 12;

/** One message of so many is sent to a room in which a rule forbids it. */
const FORBIDDEN_SHARE = 20;

/** Counts what becomes of the messages of `floodAsUser`. */
class Flood {
  stored = 0;
  refused = 0;
  #count = 0;

  /** Sends one long message; waits after a refusal, so that the connection is not closed. */
  async write(asker: Asker, attacker: Attacker): Promise<void> {
    this.#count += 1;
    const key = `k${this.#count}`;
    const rule = this.#count % FORBIDDEN_SHARE;
    const room = rule === 0 ? RULED.muted : rule === 1 ? RULED.shutOut : `mallory-${this.#count}`;
    await asker.ask({ type: "join", room, limit: 0 });
    const isStored = (await asker.ask({ type: "message", room, key, text: LONG })).includes('"ack"');
    await asker.ask({ type: "leave", room });
    if (isStored) this.stored += 1;
    else this.refused += 1;
    if (!isStored) await attacker.pause(1_000);
  }
}

/**
 * Writes as one user of the site over many connections, each from an address of its own: long messages, each
 * in a new room, and some where the user was muted or shut out.
 */
export async function floodAsUser(attacker: Attacker, parameters: Parameters): Promise<Figures> {
  const token = tokenOf(parameters, "mallory");
  const begun = performance.now();
  const flood = new Flood();
  const asOneConnection = async (n: number): Promise<void> => {
    while (!attacker.isOver) {
      const asker = await signIn(attacker, token, attacker.port(n), addressOf(4, n));
      while (asker?.socket.isOpen === true && !attacker.isOver) await flood.write(asker, attacker);
      await attacker.pause(100);
    }
  };
  const writers = WRITERS_PER_PROCESS * attacker.ports.length;
  await Promise.all(Array.from({ length: writers }, (_, n) => asOneConnection(n)));
  const seconds = (performance.now() - begun) / 1_000;
  return {
    "user's messages stored per s": Math.round(flood.stored / seconds),
    "user's messages refused": flood.refused,
  };
}

/** Connections of `makeNoise`, each from an address of its own. */
const NOISY = 60;

/**
 * Sends as one user of the site, on many connections, as many messages as possible, although they are
 * refused, and requests for history. Opens a new connection for each that is closed.
 */
export async function makeNoise(attacker: Attacker, parameters: Parameters): Promise<Figures> {
  const token = tokenOf(parameters, "trudy");
  let [refusals, closed, shut] = [0, 0, 0];
  const asOneConnection = async (n: number): Promise<void> => {
    while (!attacker.isOver) {
      const onText = (text: string): void => {
        if (text.includes('"code":"rate-limited"')) refusals += 1;
      };
      const socket = attacker.upgrade({ port: attacker.port(n), localAddress: addressOf(5, n), onText });
      if ((await socket.answered) !== 101) shut += 1;
      socket.send({ type: "hello", ref: 0, token });
      socket.send({ type: "join", ref: 1, room: "lobby", limit: 0 });
      for (let i = 0; socket.isOpen && !attacker.isOver; i += 1) {
        socket.send({ type: "message", ref: 2, room: "lobby", key: `${n}-${i}`, text: "noise" });
        socket.send({ type: "history", ref: 3, room: "lobby", limit: 200 });
        await socket.drained();
        await attacker.pause(20);
      }
      if (socket.closeCode === TOO_MANY) closed += 1;
      socket.destroy();
      await attacker.pause(500);
    }
  };
  await Promise.all(Array.from({ length: NOISY }, (_, n) => asOneConnection(n)));
  return {
    "user's refusals": refusals,
    "user's connections closed with 4429": closed,
    "user's upgrades refused": shut,
  };
}

/** Connections that `holdAsUser` tries to hold, of which some join rooms. */
const WANTED = { connections: 360, joining: 36, rooms: 50 } as const;

/** Opens connections and rooms as one user of the site, each connection from an address of its own, and holds them. */
export async function holdAsUser(attacker: Attacker, parameters: Parameters): Promise<Figures> {
  const token = tokenOf(parameters, "oscar");
  const held: WireSocket[] = [];
  let [welcomed, rooms] = [0, 0];
  const hold = async (n: number): Promise<void> => {
    const onText = (text: string): void => {
      if (text.startsWith('{"type":"welcome"')) welcomed += 1;
      else if (text.startsWith('{"type":"joined"')) rooms += 1;
    };
    const socket = attacker.upgrade({ port: attacker.port(n), localAddress: addressOf(6, n), onText });
    held.push(socket);
    if ((await socket.answered) !== 101) return;
    socket.send({ type: "hello", ref: 0, token });
    for (let room = 0; n < WANTED.joining && room < WANTED.rooms; room += 1)
      socket.send({ type: "join", ref: 1, room: `oscar-${n}-${room}`, limit: 0 });
  };
  for (let n = 0; n < WANTED.connections && !attacker.isOver; n += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, i) => hold(n + i)));
    await attacker.pause(50);
  }
  await attacker.untilOver();
  return {
    "user's connections accepted": welcomed,
    "user's connections held": held.filter(({ isOpen }) => isOpen).length,
    "user's rooms held": rooms,
  };
}

/** What the store has of the user of `floodAsUser`. */
export async function storedOfUser({ stage }: Scene): Promise<Figures> {
  const rooms = await stage.admin.keys(`${PREFIX}{mallory-*}:log`);
  const logs = await Promise.all([RULED.muted, RULED.shutOut].map((room) => readLog(stage.admin, room)));
  const ruled = logs.flat().filter(({ user }) => user === `s-${RULED.sub}`);
  return { "user's new rooms": rooms.length, "user's messages stored against a rule": ruled.length };
}

/** What one user of the site may store on three processes with default settings within some seconds. */
export const USER_LIMITS = [
  { figure: "user's messages stored against a rule", atMost: 0 },
  { figure: "user's new rooms", atMost: 3 * 100 + 3 },
] as const;

/** What is held at most on three processes, and what must be closed. */
const HELD_LIMITS = [
  { figure: "user's connections held", atMost: 300 },
  { figure: "user's rooms held", atMost: 1_500 },
  { figure: "user's connections closed with 4429", atLeast: NOISY },
] as const;

export const signedInFlood = withRights({
  name: "signed-in-flood",
  does: "fills a Redis of 25 MB as one user of the site, from 36 addresses, with long messages in new rooms",
  redisArgs: SMALL_REDIS,
  attackMs: 12_000,
  settleMs: 1_500,
  prepare: async (stage) => {
    await seedRooms(stage, { rooms: OLD_ROOMS, messages: 300, text: "y".repeat(400) });
    return attackersTokens();
  },
  attack: floodAsUser,
  after: async (scene) => ({ ...(await seededLeft(scene)), ...(await storedOfUser(scene)) }),
  limits: [
    ...USER_LIMITS,
    { figure: "user's messages stored per s", atMost: 40 },
    { figure: "history left of 6,000", atLeast: 6_000 },
  ],
});

export const signedInConnections = withRights({
  name: "signed-in-connections",
  does: "holds connections and rooms as one user of the site, and floods over 60 connections as another one, each from an address of its own",
  attackMs: 10_000,
  settleMs: 1_500,
  prepare: attackersTokens,
  attack: async (attacker, parameters) =>
    Object.assign(
      {},
      ...(await Promise.all([holdAsUser(attacker, parameters), makeNoise(attacker, parameters)])),
    ),
  limits: HELD_LIMITS,
});
