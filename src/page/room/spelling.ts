/** What the server says of rooms. Each call rejects where it does not answer. */
export interface RoomLookup {
  /** The rooms that were spoken in last. */
  readonly listed: () => Promise<readonly string[]>;
  /** Whether there are messages in a room of exactly that name. */
  readonly hasMessages: (room: string) => Promise<boolean>;
}

/**
 * Returns the spelling under which a room is opened whose name was typed or came with a link. To the server `Team` and
 * `team` are two rooms. A room that exists is opened as it is spelled; else one that differs only in upper and lower
 * case; else the name in lower case, so that a new room has one spelling. `known`: rooms that need no question.
 */
export async function spellingOf(
  name: string,
  known: readonly string[],
  { listed, hasMessages }: RoomLookup,
): Promise<string> {
  if (known.includes(name)) return name;
  const lower = name.toLowerCase();
  const isSame = (room: string) => room.toLowerCase() === lower;
  const knownSame = known.find(isSame);
  try {
    const rooms = await listed();
    if (rooms.includes(name)) return name;
    const same = knownSame ?? rooms.find(isSame);
    if (same === undefined && name === lower) return name;
    return (await hasMessages(name)) ? name : (same ?? lower);
  } catch {
    // Without an answer a room that exists must not be missed.
    return knownSame ?? name;
  }
}
