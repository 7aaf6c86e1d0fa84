import type { Random } from "../../src/client/ports.ts";
import { seededRandom } from "../kit/fakes/seeded-random.ts";
import { FAULT_KINDS, type Fault, type FaultKind, type FaultWeights, LASTS_MS, stageOf } from "./faults.ts";

/** Something that happens `at` ms after the seed's beginning. */
export type Step = { readonly at: number } & (
  | { readonly name: "enter" | "leave"; readonly chatter: number; readonly room: string }
  | { readonly name: "say"; readonly chatter: number; readonly room: string; readonly text: string }
  | { readonly name: "act"; readonly act: Act }
  | { readonly name: "fault"; readonly fault: Fault }
);

/** What a moderator does. */
export type Act =
  | {
      readonly name: "rule";
      /** Undefined = all rooms. */
      readonly room: string | undefined;
      /** Whom it is about; undefined = everybody. */
      readonly chatter: number | undefined;
      readonly right: "none" | "read" | "default";
    }
  | { readonly name: "recheck"; readonly room: string | undefined; readonly chatter: number | undefined }
  | { readonly name: "sign-out"; readonly room: undefined; readonly chatter: number };

/** Whether a client signs in with tokens of the site; the others are guests. */
export function isOfSite(chatter: number): boolean {
  return chatter % 2 === 0;
}

/**
 * What a seed does: the same for the same seed and weights. How the machine interleaves it is not
 * reproducible.
 */
export interface Plan {
  readonly seed: number;
  readonly chatters: number;
  readonly rooms: readonly string[];
  /** In the order of their time. */
  readonly steps: readonly Step[];
}

export interface PlanOptions {
  readonly processes: number;
  /** People, two of whom only read; at least `FEWEST_CLIENTS`. Default 10. */
  readonly clients?: number;
  readonly faults: FaultWeights;
  /** Faults of a seed, give or take a third. */
  readonly faultCount: number;
  /** Rooms in which next to nothing is said. */
  readonly quietRooms: number;
  /** Times that a moderator shuts a user out for good, mutes one for a while or locks a room for a moment. Default: 0. */
  readonly acts?: number;
}

/** For how long people talk, ms. */
const CHAT_MS = 3_500;
/** Faults are over by then, ms; what follows is the peace in which everything must come right. */
const FAULTS_END_MS = CHAT_MS + 500;
/** A process that was ended or killed is not touched again for that long, ms. */
const RESTART_MS = 2_000;
/** Default number of users of a seed. */
const CLIENTS = 10;
/** Of these, people who only read: they come late, leave and come again. */
const LURKERS = 2;
/** The fewest people of whom some talk in each of the rooms. */
export const FEWEST_CLIENTS = LURKERS + 3;
/** They come first among a plan's rooms. */
export const BUSY_ROOMS = 2;
/** Between two messages of a talker, on average, ms. */
const PAUSE_MS = 260;
/** Milliseconds between a first message and a join, at most: a read and a subscription take that long. */
const SEAM_MS = 8;

export function planOf(seed: number, options: PlanOptions): Plan {
  const draw = new Draw(seededRandom(seed));
  const talkers = talkersOf(options);
  const busy = Array.from({ length: BUSY_ROOMS }, (_, n) => `s${seed}-busy${n}`);
  const quiet = Array.from({ length: options.quietRooms }, (_, n) => `s${seed}-quiet${n}`);
  const texts = new Texts(seed);
  const steps: Step[] = [];
  for (let chatter = 0; chatter < talkers; chatter += 1) steps.push(...talk(draw, texts, chatter, busy));
  for (let n = 0; n < LURKERS; n += 1) steps.push(...lurk(draw, talkers + n, busy));
  // A hole after the last message of a quiet room is closed by no later message: these rooms show it.
  for (const [n, room] of quiet.entries()) {
    steps.push(...(n % 2 === 0 ? seam(draw, texts, room, talkers) : fewWords(draw, texts, room, talkers)));
  }
  // A stream of its own, so that a plan without acts is what it was.
  steps.push(...acts(new Draw(seededRandom(seed + 0.5)), options, busy));
  const rooms = [...busy, ...quiet];
  steps.push(...faults(draw, options, { busy, quiet }, steps));
  steps.sort((a, b) => a.at - b.at);
  return { seed, chatters: talkers + LURKERS, rooms, steps };
}

function talkersOf({ clients = CLIENTS }: PlanOptions): number {
  return clients - LURKERS;
}

function talk(draw: Draw, texts: Texts, chatter: number, busy: readonly string[]): Step[] {
  const first = chatter % busy.length;
  const mine = draw.chance(0.5) ? busy : busy.slice(first, first + 1);
  let at = draw.between(0, 600);
  const steps: Step[] = mine.map((room) => ({ at, name: "enter", chatter, room }));
  for (at += draw.pause(PAUSE_MS); at < CHAT_MS; at += draw.pause(PAUSE_MS)) {
    const room = draw.one(mine);
    // Sometimes a user pastes three lines at once.
    const lines = draw.chance(0.1) ? 3 : 1;
    for (let n = 0; n < lines; n += 1) {
      steps.push({ at, name: "say", chatter, room, text: texts.next(chatter) });
    }
  }
  return steps;
}

function lurk(draw: Draw, chatter: number, busy: readonly string[]): Step[] {
  return busy.flatMap((room) => {
    const come = draw.between(300, 1_500);
    const go = come + draw.between(200, 900);
    const again = go + draw.between(0, 600);
    return [
      { at: come, name: "enter", chatter, room },
      { at: go, name: "leave", chatter, room },
      { at: again, name: "enter", chatter, room },
    ] as const;
  });
}

/** Somebody comes, to a process that may not have the room yet, at the moment of its only message. */
function seam(draw: Draw, texts: Texts, room: string, talkers: number): Step[] {
  const at = draw.between(900, CHAT_MS);
  const [speaker, ...others] = draw.some(3, talkers);
  const steps: Step[] = [
    { at: at - 500, name: "enter", chatter: speaker ?? 0, room },
    { at, name: "say", chatter: speaker ?? 0, room, text: texts.next(speaker ?? 0) },
  ];
  for (const chatter of others) {
    steps.push({ at: at + draw.between(-SEAM_MS, SEAM_MS), name: "enter", chatter, room });
  }
  return steps;
}

/** Three people, one to three messages. */
function fewWords(draw: Draw, texts: Texts, room: string, talkers: number): Step[] {
  const people = draw.some(3, talkers);
  const begin = draw.between(900, CHAT_MS - 200);
  const steps: Step[] = people.map((chatter) => ({ at: begin - 700, name: "enter", chatter, room }));
  const words = 1 + Math.floor(draw.between(0, 3));
  for (let n = 0; n < words; n += 1) {
    const chatter = draw.one(people);
    steps.push({ at: begin + n * 120, name: "say", chatter, room, text: texts.next(chatter) });
  }
  return steps;
}

function acts(draw: Draw, options: PlanOptions, busy: readonly string[]): Step[] {
  const { acts: count = 0, clients = CLIENTS } = options;
  /** Nobody is met twice in a room, so that a user who was shut out stays so. */
  const met = new Set<string>();
  return Array.from({ length: count }, (): Step[] => {
    const busyRoom = draw.one(busy);
    const kind = draw.next();
    const chatter = kind < 0.2 ? undefined : Math.floor(draw.between(0, clients));
    const at = draw.between(600, CHAT_MS - 400);
    const lastsMs = chatter === undefined ? draw.between(80, 300) : draw.between(200, 900);
    // Few, because a user who is shut out of all rooms says nothing any more.
    const room = chatter !== undefined && draw.chance(0.25) ? undefined : busyRoom;
    if (met.has(`${room} ${chatter}`)) return [];
    met.add(`${room} ${chatter}`);
    const rule = { name: "rule", room, chatter } as const;
    // Besides, so that they meet users who are muted or shut out.
    const others = draw.chance(0.5)
      ? [{ at: at + draw.between(-300, 300), name: "act", act: other(draw, rule) } as const]
      : [];
    if (kind > 0.6) return [...others, { at, name: "act", act: { ...rule, right: "none" } }];
    return [
      ...others,
      { at, name: "act", act: { ...rule, right: "read" } },
      { at: at + lastsMs, name: "act", act: { ...rule, right: "default" } },
    ];
  }).flat();
}

/** An act that leaves every user their right. */
function other(draw: Draw, { room, chatter }: Pick<Act, "room" | "chatter">): Act {
  return chatter !== undefined && isOfSite(chatter) && draw.chance(0.7)
    ? { name: "sign-out", room: undefined, chatter }
    : { name: "recheck", room, chatter };
}

function faults(
  draw: Draw,
  options: PlanOptions,
  { busy, quiet }: { readonly busy: readonly string[]; readonly quiet: readonly string[] },
  chat: readonly Step[],
): readonly Step[] {
  const count = Math.round(options.faultCount * draw.between(2 / 3, 4 / 3));
  /** Until when something is taken, ms. */
  const taken = new Map<string, number>();
  const last = lastWords(chat);
  const times = Array.from({ length: count }, () =>
    // Half of them just before a room falls silent: only there a loss shows.
    draw.chance(0.5) ? draw.one(last) - draw.between(0, 150) : draw.between(300, CHAT_MS),
  ).sort((a, b) => a - b);
  const steps: Step[] = [];
  for (const at of times) {
    const kind = draw.weighted(options.faults);
    const process = Math.floor(draw.between(0, options.processes));
    const [least, most] = LASTS_MS[kind] ?? [0, 0];
    const lastsMs = Math.max(0, Math.min(draw.between(least, most), FAULTS_END_MS - at));
    const chatter = Math.floor(draw.between(0, talkersOf(options)));
    const room = draw.one(draw.chance(0.5) ? busy : quiet);
    const stage = stageOf(kind, process);
    const fault = { kind, process, chatter, room, all: draw.chance(0.4), lastsMs, chance: draw.next() };
    if (stage !== undefined) {
      if ((taken.get(stage) ?? 0) > at) continue;
      taken.set(stage, at + lastsMs + RESTART_MS);
    }
    steps.push({ at, name: "fault", fault });
  }
  return steps;
}

/** When each room that falls silent before the end does so, ms. */
function lastWords(chat: readonly Step[]): number[] {
  const last = new Map<string, number>();
  for (const step of chat) {
    if (step.name === "say") last.set(step.room, Math.max(step.at, last.get(step.room) ?? 0));
  }
  return [...last.values()];
}

/** Texts that are each used once. */
class Texts {
  readonly #seed: number;
  #count = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  next(chatter: number): string {
    this.#count += 1;
    return `seed ${this.#seed} chatter ${chatter} text ${this.#count}`;
  }
}

/** Draws from one stream of random numbers. */
class Draw {
  readonly next: Random;

  constructor(random: Random) {
    this.next = random;
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** The pause of a Poisson process, so that messages come in clusters and gaps. */
  pause(meanMs: number): number {
    return -Math.log(1 - this.next()) * meanMs;
  }

  /** Throws on an empty list. */
  one<T>(list: readonly T[]): T {
    const [drawn] = list.slice(Math.floor(this.next() * list.length));
    if (drawn === undefined) throw new RangeError("nothing to draw from");
    return drawn;
  }

  /** `count` different numbers from 0 to below `end`. */
  some(count: number, end: number): number[] {
    const left = Array.from({ length: end }, (_, n) => n);
    return Array.from({ length: count }, () => {
      const drawn = this.one(left);
      left.splice(left.indexOf(drawn), 1);
      return drawn;
    });
  }

  weighted(weights: FaultWeights): FaultKind {
    const total = FAULT_KINDS.reduce((sum, kind) => sum + (weights[kind] ?? 0), 0);
    let rest = this.next() * total;
    for (const kind of FAULT_KINDS) {
      rest -= weights[kind] ?? 0;
      if (rest < 0) return kind;
    }
    throw new RangeError("no fault has a weight");
  }
}
