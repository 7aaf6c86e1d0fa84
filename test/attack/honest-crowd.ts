import type { Redis } from "ioredis";
import { BEGINNING, compareIds } from "../../src/protocol/ids.ts";
import { readLog } from "../checker/stored-log.ts";
import type { Logs, Testimony } from "../checker/verdict.ts";
import { seededRandom } from "../kit/fakes/seeded-random.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { countFaults, type Faults } from "../rehearsal/tally.ts";
import { HonestClient } from "./honest-client.ts";
import { siteToken } from "./rights.ts";

export interface CrowdPlan {
  readonly people: number;
  /** Everybody is in one of these, which have as many people each, and in the lobby. */
  readonly rooms: number;
  /** Between two things that one person says, on average, ms. */
  readonly pauseMs: number;
  /** Whether pauses are of about one length, instead of those of a Poisson process. */
  readonly isRegular?: boolean;
  /** Whether they are users of the site; else they are guests. */
  readonly isSignedIn?: boolean;
  /** The address that all come from; one address per person if absent. */
  readonly localAddress?: string;
}

export const LOBBY = "lobby";

/** One message of so many is said in the lobby. */
const LOBBY_SHARE = 16;

/** Between two messages that one person writes, ms. */
const LEAST_PAUSE_MS = 300;

/** For everybody to have what was said, after the attack, ms. */
const PATIENCE_MS = 10_000;

/**
 * Honest people, each with an address of their own, spread over the processes, who talk at their own pace.
 */
export class HonestCrowd {
  readonly clients: readonly HonestClient[];
  readonly rooms: readonly string[];
  readonly #pauseMs: number;
  readonly #isRegular: boolean;
  readonly #random = seededRandom(1);
  readonly #timers = new Map<HonestClient, NodeJS.Timeout>();
  #said = 0;

  constructor(
    { people, rooms, pauseMs, isRegular = false, isSignedIn = false, localAddress }: CrowdPlan,
    wsUrls: readonly string[],
  ) {
    const names = Array.from({ length: rooms }, (_, n) => `room-${n + 1}`);
    this.rooms = [LOBBY, ...names];
    this.#pauseMs = pauseMs;
    this.#isRegular = isRegular;
    this.clients = Array.from(
      { length: people },
      (_, n) =>
        new HonestClient({
          name: `person ${n + 1}`,
          wsUrl: wsUrls[n % wsUrls.length] ?? "",
          // Neighbours in a room are on different processes.
          rooms: [LOBBY, names[Math.floor(n / wsUrls.length) % rooms] ?? LOBBY],
          random: seededRandom(n + 1),
          localAddress: localAddress ?? honestAddress(n),
          ...(isSignedIn
            ? { getToken: () => siteToken(`person-${n + 1}`, { name: `person ${n + 1}` }) }
            : {}),
        }),
    );
  }

  /** Connects everybody, spread over a time; fulfils when all are served. */
  async connect(overMs: number, patienceMs = 30_000): Promise<void> {
    for (const [n, client] of this.clients.entries()) {
      this.#timers.set(
        client,
        setTimeout(() => client.client.start(), (overMs * n) / this.clients.length),
      );
    }
    await waitFor(() => this.isServed, "all honest clients are connected", overMs + patienceMs);
  }

  get isServed(): boolean {
    return this.clients.every((client) => client.isServed);
  }

  get served(): number {
    return this.clients.filter((client) => client.isServed).length;
  }

  talk(): void {
    for (const client of this.clients) {
      if (this.#isRegular)
        this.#timers.set(
          client,
          setTimeout(() => this.#next(client), this.#random() * this.#pauseMs),
        );
      else this.#next(client);
    }
  }

  /**
   * Nobody says anything new; fulfils when everybody has everything, or after some time with how many have
   * not.
   */
  async settle(): Promise<number> {
    this.#hush();
    const quiet = () => this.clients.every((client) => client.isQuiet) && this.#agree();
    await waitFor(quiet, "everybody has everything", PATIENCE_MS).catch(() => undefined);
    return this.clients.reduce(
      (sum, { views }) =>
        sum + [...views.values()].reduce((open, { room }) => open + room.outgoing.length, 0),
      0,
    );
  }

  /**
   * What honest clients were not shown as the protocol promises, by what all of them together were shown.
   * What a client marks as missing is not lost in silence; see `toldMissing`.
   */
  faults(): Faults {
    const seen = seenBy(this.clients);
    return this.clients.reduce<Faults>(
      (sum, client) => {
        const { lost, doubled, reordered } = countFaults(withoutMarked(seen, client), [testimonyOf(client)]);
        return {
          lost: sum.lost + lost,
          doubled: sum.doubled + doubled,
          reordered: sum.reordered + reordered,
        };
      },
      { lost: 0, doubled: 0, reordered: 0 },
    );
  }

  /** How many places in rooms that were not attacked are marked as having messages missing before them. */
  toldMissing(attacked: readonly string[]): number {
    return this.clients
      .flatMap(({ views }) => [...views])
      .filter(([room]) => !attacked.includes(room))
      .reduce((sum, [, { shown }]) => sum + shown.filter(({ gap }) => gap !== "none").length, 0);
  }

  /** Of what was acknowledged in rooms that were not attacked, the share that is still stored, percent. */
  async historyKept(redis: Redis, attacked: readonly string[]): Promise<number> {
    const stored = new Map<string, ReadonlySet<string>>();
    for (const room of this.rooms) {
      stored.set(room, new Set((await readLog(redis, room)).map(({ id }) => id)));
    }
    const acked = this.clients
      .flatMap(({ seen }) => seen.acks)
      .filter(({ room }) => !attacked.includes(room));
    const kept = acked.filter(({ room, id }) => stored.get(room)?.has(id) === true);
    return acked.length === 0 ? 100 : Math.floor((1_000 * kept.length) / acked.length) / 10;
  }

  leave(): void {
    this.#hush();
    for (const client of this.clients) client.stop();
  }

  #hush(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /** Everybody in a room has the same last message. */
  #agree(): boolean {
    return this.rooms.every((room) => {
      const last = this.clients.flatMap(({ views }) => {
        const view = views.get(room);
        return view === undefined ? [] : [view.shown.at(-1)?.id];
      });
      return new Set(last).size <= 1;
    });
  }

  /**
   * The pauses of a Poisson process, so that messages come in clusters and gaps; no user writes faster than
   * `LEAST_PAUSE_MS`.
   */
  #next(client: HonestClient): void {
    const share = this.#isRegular ? 0.8 + 0.4 * this.#random() : -Math.log(1 - this.#random());
    const pause = Math.max(LEAST_PAUSE_MS, share * this.#pauseMs);
    const timer = setTimeout(() => {
      this.#speak(client);
      this.#next(client);
    }, pause);
    this.#timers.set(client, timer);
  }

  #speak(client: HonestClient): void {
    this.#said += 1;
    const [, own = LOBBY] = [...client.views.keys()];
    client.say(this.#random() < 1 / LOBBY_SHARE ? LOBBY : own, `${client.name} says number ${this.#said}`);
  }
}

/**
 * The address of an honest person: 127.1.0.1 and so on, of which each is a network of its own to the limits.
 */
export function honestAddress(n: number): string {
  return `127.1.${n >> 7}.${(n & 127) + 1}`;
}

function testimonyOf({ name, user, views, seen }: HonestClient): Testimony {
  return {
    name,
    user,
    sends: [...views.values()].flatMap(({ sends }) => sends),
    acks: seen.acks,
    newest: seen.newest,
    shown: new Map([...views].map(([room, { shown }]) => [room, shown])),
  };
}

/** The logs without what this client is told to be missing, and did not say itself. */
function withoutMarked(logs: Logs, { views, user }: HonestClient): Logs {
  return new Map(
    [...views].map(([room, { shown }]) => {
      const gaps = shown.flatMap(({ id, gap }, at) =>
        gap === "none" ? [] : [[shown[at - 1]?.id ?? BEGINNING, id] as const],
      );
      const entries = logs.get(room) ?? [];
      if (gaps.length === 0) return [room, entries];
      const isMarked = (id: string): boolean =>
        gaps.some(([from, to]) => compareIds(id, from) > 0 && compareIds(id, to) < 0);
      return [room, entries.filter((entry) => entry.user === user || !isMarked(entry.id))];
    }),
  );
}

/** By room: every message that some honest client was shown, in the order of the first who was shown it. */
function seenBy(clients: readonly HonestClient[]): Logs {
  const rooms = new Map<string, Map<string, { user: string; key: string; text: string }>>();
  for (const { views } of clients) {
    for (const [room, { shown }] of views) {
      const seen = rooms.get(room) ?? new Map();
      rooms.set(room, seen);
      for (const { id, user, key, text } of shown) seen.set(id, { user, key: key ?? "", text });
    }
  }
  return new Map(
    [...rooms].map(([room, seen]) => [
      room,
      [...seen].map(([id, fields]) => ({ id, prev: "", type: "message", frame: "", ...fields })),
    ]),
  );
}
