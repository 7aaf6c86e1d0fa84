import type { Message } from "../../src/client/room/timeline.ts";
import { BEGINNING, compareIds, timeOf } from "../../src/protocol/ids.ts";
import { ALL_ROOMS, EVERYBODY } from "../../src/store/access.ts";
import type { Findings } from "./findings.ts";
import type { Send } from "./send.ts";
import type { StoredEntry } from "./stored-log.ts";
import type { SeenAck } from "./wire-witness.ts";

/** What one chatter has when all is quiet. */
export interface Testimony {
  readonly name: string;
  readonly user: string;
  readonly sends: readonly Send[];
  readonly acks: readonly SeenAck[];
  /** By room: the newest entry that it was sent. */
  readonly newest: ReadonlyMap<string, string>;
  /** By room: what is shown, oldest first. */
  readonly shown: ReadonlyMap<string, readonly Pick<Message, "id" | "text" | "gap">[]>;
}

/** By room; under `ALL_ROOMS` the changes of the rules for all rooms. */
export type Logs = ReadonlyMap<string, readonly StoredEntry[]>;

/** What shuts a user out for good: an entry of the room, or one about all rooms. */
export interface ShutOut {
  readonly id: string;
  readonly isGlobal: boolean;
}

/**
 * Holds what the store has and what the chatters have against the promises of docs/protocol.md, "What a
 * client may rely on".
 */
export function judge(logs: Logs, testimonies: readonly Testimony[], findings: Findings): void {
  for (const [room, entries] of logs) checkLog(room, entries, findings);
  const rooms = [...logs].filter(([room]) => room !== ALL_ROOMS);
  const messages = new Map(rooms.map(([room, entries]) => [room, messagesOf(entries)]));
  checkTexts(messages, findings);
  checkAuthors(messages, testimonies, findings);
  const global = logs.get(ALL_ROOMS) ?? [];
  for (const [room, entries] of rooms) {
    checkMuted(room, entries, findings);
    checkMutedEverywhere(room, entries, global, findings);
  }
  for (const testimony of testimonies) {
    checkSends(messages, (room) => isShutOut(logs, room, testimony.user), testimony, findings);
    checkAcks(messages, testimony, findings);
    for (const [room, shown] of testimony.shown) {
      const who = `${testimony.name} in ${room}`;
      const all = messages.get(room) ?? [];
      // Where the user was shut out, what is shown may end before that: the connection may have been away.
      const until = isShutOut(logs, room, testimony.user)
        ? all.slice(0, all.findIndex(({ id }) => id === shown.at(-1)?.id) + 1)
        : all;
      checkShown(who, until, shown, findings);
    }
    checkShutOut(logs, testimony, findings);
  }
}

function messagesOf(entries: readonly StoredEntry[]): readonly StoredEntry[] {
  return entries.filter(({ type }) => type === "message");
}

/** What shut a user out of a room for good; empty if the user may be there in the end. */
function shutOutsOf(logs: Logs, room: string, user: string): readonly ShutOut[] {
  return [room, ALL_ROOMS].flatMap((place) => {
    const id = shutOutAt(logs.get(place) ?? [], user);
    return id === undefined ? [] : [{ id, isGlobal: place === ALL_ROOMS }];
  });
}

export function isShutOut(logs: Logs, room: string, user: string): boolean {
  return shutOutsOf(logs, room, user).length > 0;
}

/** Whether an entry is certainly later; ids of two streams compare only by their time. */
export function isAfter(id: string, { id: out, isGlobal }: ShutOut): boolean {
  return isGlobal ? timeOf(id) > timeOf(out) : compareIds(id, out) > 0;
}

/** The id of the entry that shut a user out for good; undefined if the last one that is about the user does not. */
function shutOutAt(entries: readonly StoredEntry[], user: string): string | undefined {
  let out: string | undefined;
  for (const { id, access } of entries) {
    // A recheck changes no rule.
    if (access?.subject === user && access.recheck !== true) out = access.right === "none" ? id : undefined;
  }
  return out;
}

/** Nothing is stored of a user between the entry that mutes or shuts out and the one that takes it back. */
function checkMuted(room: string, entries: readonly StoredEntry[], findings: Findings): void {
  const muted = new Map<string, string>();
  for (const { id, type, user, text, access } of entries) {
    if (access?.recheck === true) continue;
    if (access !== undefined) {
      if (access.right === undefined) muted.delete(access.subject);
      else muted.set(access.subject, id);
    } else if (type === "message") {
      const since = muted.get(user) ?? muted.get(EVERYBODY);
      if (since !== undefined)
        findings.add("muted", `${room}: ${id} "${text}" of ${user} is stored, muted since ${since}`);
    }
  }
}

/**
 * Nothing is stored of a user whom a rule for all rooms mutes or shuts out. Ids of two streams compare only by
 * their time: what is of the same millisecond may be before or after.
 */
function checkMutedEverywhere(
  room: string,
  entries: readonly StoredEntry[],
  global: readonly StoredEntry[],
  findings: Findings,
): void {
  for (const { id, user, text } of messagesOf(entries)) {
    const changes = global.filter(({ access }) => access?.subject === user);
    const before = changes.findLast((change) => timeOf(change.id) < timeOf(id));
    const isInDoubt = changes.some((change) => timeOf(change.id) === timeOf(id));
    if (before?.access?.right !== undefined && !isInDoubt)
      findings.add(
        "muted",
        `${room}: ${id} "${text}" of ${user} is stored, muted everywhere since ${before.id}`,
      );
  }
}

/** Nothing that was stored after a user was shut out for good was sent to any connection of that user. */
function checkShutOut(logs: Logs, { name, user, newest }: Testimony, findings: Findings): void {
  for (const [room, id] of newest) {
    for (const out of shutOutsOf(logs, room, user)) {
      if (isAfter(id, out))
        findings.add("shut-out", `${room}: ${name} was sent ${id}, and was shut out at ${out.id}`);
    }
  }
}

/** Ids grow, each entry names the one before it, and no (user, key) is stored twice. */
function checkLog(room: string, entries: readonly StoredEntry[], findings: Findings): void {
  const keys = new Map<string, string>();
  let before = BEGINNING;
  for (const { id, prev, type, user, key, text } of entries) {
    if (compareIds(id, before) <= 0) findings.add("log", `${room}: ${id} stands behind ${before}`);
    if (prev !== before) findings.add("log", `${room}: ${id} has prev ${prev} and stands behind ${before}`);
    before = id;
    if (type !== "message") continue;
    const first = keys.get(`${user} ${key}`);
    if (first === undefined) keys.set(`${user} ${key}`, id);
    else findings.add("log", `${room}: "${text}" is stored as ${first} and as ${id}, both with key ${key}`);
  }
}

/** Every text is said once. */
function checkTexts(logs: Logs, findings: Findings): void {
  const seen = new Map<string, string>();
  for (const [room, entries] of logs) {
    for (const { id, text } of entries) {
      const place = `${room} ${id}`;
      const first = seen.get(text);
      if (first !== undefined) findings.add("log", `"${text}" is stored at ${first} and at ${place}`);
      seen.set(text, place);
    }
  }
}

/** Every stored message was sent to that room by a client. */
function checkAuthors(logs: Logs, testimonies: readonly Testimony[], findings: Findings): void {
  const sent = new Set(
    testimonies.flatMap(({ user, sends }) =>
      sends.map(({ room, key, text }) => `${user} ${room} ${key} ${text}`),
    ),
  );
  for (const [room, entries] of logs) {
    for (const { id, user, key, text } of entries) {
      if (!sent.has(`${user} ${room} ${key} ${text}`)) {
        findings.add("phantom", `${room}: no client sent ${id} "${text}", user ${user}, key ${key}`);
      }
    }
  }
}

/** What was called sent is stored once; what failed or was given up at most once; nothing stays open. */
function checkSends(
  logs: Logs,
  isShutOutOf: (room: string) => boolean,
  { name, user, sends }: Testimony,
  findings: Findings,
): void {
  for (const { room, key, text, state, sent, abandoned } of sends) {
    const entries = logs.get(room) ?? [];
    const copies = entries.filter((entry) => entry.user === user && entry.key === key && entry.text === text);
    const what = `${room}: "${text}" of ${name}, key ${key}`;
    if (sent && copies.length !== 1) {
      findings.add("lost-send", `${what}, was called sent and is stored ${copies.length} times`);
    } else if (copies.length > 1) {
      findings.add("phantom", `${what}, is ${state} and stored ${copies.length} times`);
    }
    // Its echo does not reach a user who was shut out meanwhile.
    const isDone = state === "shown" || state === "failed" || (state === "sent" && isShutOutOf(room));
    if (!abandoned && !isDone) {
      findings.add("open-send", `${what}, is still ${state}`);
    }
  }
}

/** An ack names the entry that its message became. */
function checkAcks(logs: Logs, { name, acks }: Testimony, findings: Findings): void {
  for (const { user, room, key, id } of acks) {
    const entry = logs.get(room)?.find((each) => each.id === id);
    if (entry?.user !== user || entry.key !== key) {
      findings.add(
        "lost-send",
        `${room}: ${name} got an ack for ${id}, key ${key}, and the store has ${entry?.text} there`,
      );
    }
  }
}

/**
 * From its first message on, what is shown is the log: its order, without a hole, a double or a mark, up to
 * its end.
 */
function checkShown(
  who: string,
  entries: readonly StoredEntry[],
  shown: readonly Pick<Message, "id" | "text" | "gap">[],
  findings: Findings,
): void {
  for (const { id, gap } of shown) {
    if (gap !== "none") findings.add("told-gap", `${who} is shown a gap before ${id}`);
  }
  const [first] = shown;
  const begin = first === undefined ? 0 : entries.findIndex(({ id }) => id === first.id);
  if (first !== undefined && begin < 0) {
    findings.add("timeline", `${who} is shown ${first.id} "${first.text}", which the store does not have`);
    return;
  }
  const expected = entries.slice(begin);
  for (let at = 0; at < Math.max(expected.length, shown.length); at += 1) {
    const want = expected[at];
    const have = shown[at];
    if (want?.id === have?.id && want?.text === have?.text) continue;
    findings.add("timeline", `${who}: at ${at} the store has ${placeOf(want)} and is shown ${placeOf(have)}`);
    // What follows is only out of step.
    return;
  }
}

function placeOf(entry: { readonly id: string; readonly text: string } | undefined): string {
  return entry === undefined ? "its end" : `${entry.id} "${entry.text}"`;
}
