/**
 * How a change of a room's people travels between processes: a hint on the room's channel, which
 * begins `{"type":"` as no stored entry does.
 */

import type { Person } from "../protocol.ts";

export type PresenceHint =
  | { readonly type: "enter"; readonly instance: string; readonly person: Person }
  | { readonly type: "exit"; readonly instance: string; readonly user: string };

export function encodePresenceHint(hint: PresenceHint): Buffer {
  return Buffer.from(JSON.stringify(hint));
}
