import type { Room } from "../../client/room/room.ts";

export interface HeadView {
  readonly room: Pick<Room, "name" | "state" | "refusal" | "hasOlder" | "wasReset">;
  readonly isEmpty: boolean;
  /** Whether older messages are being loaded. */
  readonly isLoading: boolean;
  /** Whether the page keeps no more messages in memory. */
  readonly isFull: boolean;
  /** Whether there were messages before the first one here. */
  readonly isCut: boolean;
}

/** Returns the text above the first message of a room, or in place of messages; empty for none. */
export function headText({ room, isEmpty, isLoading, isFull, isCut }: HeadView): string {
  const { name, state, refusal, hasOlder, wasReset } = room;
  if (refusal !== undefined) return refusal;
  if (hasOlder && isFull) return "Older messages are not shown here.";
  if (hasOlder) return isLoading ? "Loading older messages" : "";
  if (wasReset) return `The server has lost the earlier messages in #${name}.`;
  if (isCut) return "Older messages are no longer kept.";
  if (!isEmpty) return `This is where #${name} begins.`;
  return state === "current" ? `Nothing has been said in #${name} yet. Say hello.` : "";
}
