import type { Room } from "../../client/room/room.ts";

export interface HeadView {
  readonly room: Pick<Room, "name" | "state" | "refusal" | "hasOlder" | "wasReset">;
  readonly isEmpty: boolean;
  /** Older messages are on their way. */
  readonly isLoading: boolean;
  /** No more are kept in memory. */
  readonly isFull: boolean;
  /** There were messages before the first one here. */
  readonly isCut: boolean;
}

/** What stands above the first message of a room, or in place of messages. */
export function headText({ room, isEmpty, isLoading, isFull, isCut }: HeadView): string {
  const { name, state, refusal, hasOlder, wasReset } = room;
  if (refusal !== undefined) return refusal;
  if (hasOlder && isFull) return "Older messages are not shown here.";
  if (hasOlder) return isLoading ? "Loading older messages" : "";
  if (wasReset) return `The server has lost what was said in #${name} before.`;
  if (isCut) return "Older messages are no longer kept.";
  if (!isEmpty) return `This is where #${name} begins.`;
  return state === "current" ? `Nothing has been said in #${name} yet. Say hello.` : "";
}
