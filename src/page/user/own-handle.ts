import type { Room } from "../../client/room/room.ts";

/** UTF-16 code units of a name that are never cut for a suffix. */
const UNCUT = 20;
/** A suffix: " 2", or among many look-alikes a part of the user's id. */
const SUFFIX = / \S{1,6}$/;

/**
 * Returns the user's own name as the others see it in a room, with a suffix if there is a look-alike. `asked`
 * is the name that the user chose last. In a crowd the server names no users, and what is known of the room
 * may concern the name before.
 */
export function ownHandle(
  { handle, people }: Pick<Room, "handle"> & { readonly people: Pick<Room["people"], "users"> },
  userId: string | undefined,
  asked: string,
): string {
  const told = people.users.find(({ id }) => id === userId)?.handle ?? handle;
  if (asked === "" || told === asked) return told;
  const base = told.replace(SUFFIX, "");
  return asked.startsWith(base) && base.length >= Math.min(asked.length, UNCUT) ? told : asked;
}
