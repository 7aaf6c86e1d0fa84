/** Questions to the server about rooms. Each call rejects if it does not answer. */
export interface RoomLookup {
  /** Returns the rooms with the newest messages. */
  readonly listed: () => Promise<readonly string[]>;
  /** Returns whether there are messages in a room of exactly that name. */
  readonly hasMessages: (room: string) => Promise<boolean>;
}

/**
 * Returns the spelling with which to open a room whose name was typed or came with a link. To the server
 * `Team` and `team` are two rooms. If a room of exactly that name exists, it is that one; else one that
 * differs only in case; else the name in lower case, so that a new room has one spelling. `known`: rooms that
 * are known to exist.
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
    // Without an answer the room may exist, so its spelling is not changed.
    return knownSame ?? name;
  }
}
