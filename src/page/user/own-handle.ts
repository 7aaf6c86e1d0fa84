import type { Room } from "../../client/room/room.ts";

/** UTF-16 code units of a name that no suffix takes the place of. */
const UNCUT = 20;
/** " 2", or in a crowd of look-alikes a piece of the user's id. */
const SUFFIX = / \S{1,6}$/;

/**
 * Returns the user's own name as the others see it in a room: with a suffix where a look-alike is there. `asked` is the name
 * that was given last; of a crowd nobody is named, and what is known of the room may be of the name before.
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
