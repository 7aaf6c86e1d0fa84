/**
 * Makes the ephemeral events that report changes of a room's users to other processes. They are published on
 * the room's channel, and begin with `{"type":"`, as no stored entry does. There is one form for one user and
 * one for several.
 */

import type { RoomUser } from "./store.ts";

type PresenceHint =
  | { readonly type: "enter"; readonly instance: string; readonly person: RoomUser }
  | { readonly type: "enter"; readonly instance: string; readonly people: readonly RoomUser[] }
  | { readonly type: "exit"; readonly instance: string; readonly user: string }
  | { readonly type: "exit"; readonly instance: string; readonly users: readonly string[] };

/** Makes the event that users are in the room on that process. */
export function enterHint(instance: string, people: readonly RoomUser[]): Buffer {
  const [person] = people;
  if (people.length > 1 || person === undefined) return encode({ type: "enter", instance, people });
  return encode({ type: "enter", instance, person });
}

/** Makes the event that users are no longer in the room on that process. */
export function exitHint(instance: string, users: readonly string[]): Buffer {
  const [user] = users;
  if (users.length > 1 || user === undefined) return encode({ type: "exit", instance, users });
  return encode({ type: "exit", instance, user });
}

function encode(hint: PresenceHint): Buffer {
  return Buffer.from(JSON.stringify(hint));
}
