import { setTimeout as sleep } from "node:timers/promises";
import type { Findings } from "./findings.ts";
import type { RoomView } from "./room-view.ts";
import type { Stage } from "./stage.ts";
import { readLog, type StoredEntry } from "./stored-log.ts";
import { isShutOut, type Logs } from "./verdict.ts";

/**
 * How long everything may take to come right once all faults have ended, ms. A process that lost Redis tries again within
 * 2 s; the audit of quiet rooms, which would hide that a loss went unnoticed, comes after 20 s at the earliest.
 */
const PATIENCE_MS = 10_000;
/** For who is here: what was lost of that is put right by the next roll call, within 14 s. */
const PRESENCE_MS = 20_000;
/** For Redis itself to answer the checker, ms. */
const REDIS_MS = 20_000;
const LOOK_MS = 25;

/** How everything came right. */
export interface Peace {
  /** The logs when all was quiet. */
  readonly logs: Logs;
  /** Until everybody had every message, ms. */
  readonly messagesMs: number;
  /** From then on, until everybody saw who is here, ms. */
  readonly peopleMs: number;
}

/** Ends what goes on of the faults, and waits until everybody has everything. */
export async function makePeace(stage: Stage, rooms: readonly string[], findings: Findings): Promise<Peace> {
  const { chatters, processes } = stage;
  for (const { proxy } of chatters) for (const passage of proxy.passages) passage.heal();
  for (const { link } of processes.places) for (const passage of link.passages) passage.heal();
  let logs = await read(stage, rooms);
  const begin = performance.now();
  let missing = whatIsMissing(stage, logs);
  while (missing.length > 0 && performance.now() - begin < PATIENCE_MS) {
    for (const chatter of chatters) chatter.hurry();
    await sleep(LOOK_MS);
    if (chatters.every(({ isQuiet }) => isQuiet)) logs = await read(stage, rooms);
    missing = whatIsMissing(stage, logs);
  }
  for (const sentence of missing)
    findings.add("late", `${PATIENCE_MS / 1000} s after all faults: ${sentence}`);
  const messagesMs = performance.now() - begin;
  const peopleMs = await agreeOnPeople(stage, findings);
  // A double that was on its way has come by now.
  return { logs: await read(stage, rooms), messagesMs, peopleMs };
}

/**
 * Reads all logs. A command that was under way when its connection was lost is answered only by its time limit, so a read
 * that failed is tried again; rejects if Redis stays away.
 */
async function read({ admin }: Stage, rooms: readonly string[]): Promise<Logs> {
  const begin = performance.now();
  while (true) {
    try {
      const logs = await Promise.all(rooms.map(async (room) => [room, await readLog(admin, room)] as const));
      return new Map(logs);
    } catch (error) {
      if (performance.now() - begin > REDIS_MS) throw new Error("Redis does not come back", { cause: error });
      await sleep(LOOK_MS);
    }
  }
}

function whatIsMissing({ chatters }: Stage, logs: Logs): string[] {
  return chatters.flatMap((chatter) => {
    const { name, client, user = "nobody" } = chatter;
    if (client.connection.name !== "live") return `${name} is ${client.connection.name}`;
    return [...chatter.views].flatMap(([room, view]) => {
      const what = whatIsWrong(view, logs.get(room) ?? [], isShutOut(logs, room, user));
      return what === undefined ? [] : `${name} in ${room} ${what}`;
    });
  });
}

/** What is not as it should be in one room of one chatter; undefined = nothing. */
function whatIsWrong(view: RoomView, log: readonly StoredEntry[], isOut: boolean): string | undefined {
  if (isOut !== view.isRefused)
    return `is ${view.room.state}, and should ${isOut ? "not be let in" : "be in"}`;
  if (!view.isQuiet) return `is ${view.room.state}, with ${openSends(view)} open sends`;
  const last = log.findLast(({ type }) => type === "message");
  if (isOut || last === undefined || view.shown.some(({ id }) => id === last.id)) return undefined;
  return `lacks ${last.id} "${last.text}"`;
}

function openSends({ sends }: { readonly sends: readonly { readonly state: string }[] }): number {
  return sends.filter(({ state }) => state !== "shown" && state !== "failed").length;
}

async function agreeOnPeople(stage: Stage, findings: Findings): Promise<number> {
  const begin = performance.now();
  let wrong = strangeLists(stage);
  while (wrong.length > 0 && performance.now() - begin < PRESENCE_MS) {
    await sleep(LOOK_MS);
    wrong = strangeLists(stage);
  }
  for (const sentence of wrong) findings.add("presence", sentence);
  return performance.now() - begin;
}

/**
 * Everybody in a room sees exactly the people who are in it. A user who was shut out and whose process was killed just then
 * may be seen until that process's lease has ended.
 */
function strangeLists({ chatters }: Stage): string[] {
  const here = new Map<string, string[]>();
  const shutOut = new Set<string>();
  for (const { user = "nobody", views } of chatters) {
    for (const [room, { isRefused }] of views) {
      if (isRefused) shutOut.add(`${user} ${room}`);
      else here.set(room, [...(here.get(room) ?? []), user].sort());
    }
  }
  return chatters.flatMap(({ name, views }) =>
    [...views].flatMap(([room, view]) => {
      if (view.isRefused) return [];
      const { count, users } = view.room.people;
      const want = here.get(room) ?? [];
      const have = users.map(({ id }) => id).sort();
      const others = have.filter((id) => !shutOut.has(`${id} ${room}`));
      if (count === have.length && others.join() === want.join()) return [];
      return `${name} sees ${count} people in ${room}, ${have.join(" ")}, where ${want.join(" ")} are`;
    }),
  );
}
