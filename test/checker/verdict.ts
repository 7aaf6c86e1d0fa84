import type { Message } from "../../src/client/room/timeline.ts";
import { BEGINNING, compareIds } from "../../src/protocol/ids.ts";
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
  /** By room: what is shown, oldest first. */
  readonly shown: ReadonlyMap<string, readonly Pick<Message, "id" | "text" | "gap">[]>;
}

export type Logs = ReadonlyMap<string, readonly StoredEntry[]>;

/**
 * Holds what the store has and what the chatters have against the promises of docs/protocol.md, "What a
 * client may rely on".
 */
export function judge(logs: Logs, testimonies: readonly Testimony[], findings: Findings): void {
  for (const [room, entries] of logs) checkLog(room, entries, findings);
  checkTexts(logs, findings);
  checkAuthors(logs, testimonies, findings);
  for (const testimony of testimonies) {
    checkSends(logs, testimony, findings);
    checkAcks(logs, testimony, findings);
    for (const [room, shown] of testimony.shown) {
      checkShown(`${testimony.name} in ${room}`, logs.get(room) ?? [], shown, findings);
    }
  }
}

/** Ids grow, each entry names the one before it, and no (user, key) is stored twice. */
function checkLog(room: string, entries: readonly StoredEntry[], findings: Findings): void {
  const keys = new Map<string, string>();
  let before = BEGINNING;
  for (const { id, prev, user, key, text } of entries) {
    if (compareIds(id, before) <= 0) findings.add("log", `${room}: ${id} stands behind ${before}`);
    if (prev !== before) findings.add("log", `${room}: ${id} has prev ${prev} and stands behind ${before}`);
    before = id;
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
function checkSends(logs: Logs, { name, user, sends }: Testimony, findings: Findings): void {
  for (const { room, key, text, state, sent, abandoned } of sends) {
    const entries = logs.get(room) ?? [];
    const copies = entries.filter((entry) => entry.user === user && entry.key === key && entry.text === text);
    const what = `${room}: "${text}" of ${name}, key ${key}`;
    if (sent && copies.length !== 1) {
      findings.add("lost-send", `${what}, was called sent and is stored ${copies.length} times`);
    } else if (copies.length > 1) {
      findings.add("phantom", `${what}, is ${state} and stored ${copies.length} times`);
    }
    if (!abandoned && state !== "shown" && state !== "failed") {
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
