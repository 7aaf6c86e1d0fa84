import type { SendState } from "../../src/client/room/send-state.ts";

/** One text that was given to the client library, and what became of it there. */
export interface Send {
  readonly room: string;
  readonly key: string;
  readonly text: string;
  /** As last heard; `shown`: it left the queue, because the room's messages have it. */
  state: SendState | "shown";
  /** The library said `sent` at some time. */
  sent: boolean;
  /** Its sender left the room, and with it what was not stored. */
  abandoned: boolean;
}
