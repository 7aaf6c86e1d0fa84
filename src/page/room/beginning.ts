import type { Message } from "../../client/room/timeline.ts";
import { isSameDay } from "../messages/dates.ts";

/** Milliseconds within which messages of one user form a group. */
const GROUP_MS = 5 * 60_000;

/** The properties of a message that decide how its row begins. */
interface Placed {
  readonly user: string;
  readonly handle: string;
  readonly at: number;
  readonly gap?: Message["gap"];
}

/** How a row begins, which depends on the row before it. */
export interface Beginning {
  readonly day: boolean;
  readonly gap: Message["gap"];
  /** Whether it has a name and a picture; otherwise it continues the group above. */
  readonly starts: boolean;
}

export function beginningOf(message: Placed, before: Placed | undefined): Beginning {
  const day = before === undefined || !isSameDay(before.at, message.at);
  const gap = message.gap ?? "none";
  const isGroup =
    before?.user === message.user &&
    before.handle === message.handle &&
    message.at - before.at < GROUP_MS &&
    !day &&
    gap === "none";
  return { day, gap, starts: !isGroup };
}
