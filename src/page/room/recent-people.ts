import type { Person } from "../../protocol/frames.ts";

/** Milliseconds after which a user who wrote nothing is no longer listed: they may have left. */
const RECENT_MS = 15 * 60_000;
/** Names at most, so that the list stays short. */
const LIMIT = 50;

interface Said {
  readonly user: string;
  readonly handle: string;
  readonly at: number;
}

/**
 * Returns the users who are typing or wrote recently, each once with the newest name, at most 50. It replaces
 * the list of a room with so many people that the server names none (docs/protocol.md, `presence`).
 * `messages`: oldest first.
 */
export function recentPeople(
  messages: readonly Said[],
  typing: readonly Person[],
  now: number,
): readonly Person[] {
  const people = new Map(typing.map((person) => [person.id, person]));
  for (let index = messages.length - 1; index >= 0 && people.size < LIMIT; index -= 1) {
    const said = messages[index];
    if (said === undefined || said.at < now - RECENT_MS) break;
    if (!people.has(said.user)) people.set(said.user, { id: said.user, handle: said.handle });
  }
  return [...people.values()];
}
