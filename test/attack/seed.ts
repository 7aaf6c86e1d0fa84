import { once } from "node:events";
import { WebSocket } from "ws";
import { SUBPROTOCOL } from "../../src/protocol/frames.ts";
import type { Stage } from "./stage.ts";

/** Settings without any limit of rates, as the benches have them. */
export const NO_RATES = {
  MESSAGES_PER_SECOND: "0",
  ADDRESS_MESSAGES_PER_SECOND: "0",
  ROOM_GUEST_MESSAGES_PER_SECOND: "0",
  NEW_ROOMS_PER_ADDRESS: "0",
  NEW_WRITERS_PER_ADDRESS: "0",
  ADDRESS_BYTES_PER_SECOND: "0",
  NEW_ROOMS_PER_USER: "0",
  USER_BYTES_PER_SECOND: "0",
  MAX_ROOMS_PER_ADDRESS: "0",
  MAX_ROOMS_PER_USER: "0",
  MAX_ROOMS_PER_CONNECTION: "1000",
};

export interface Seed {
  readonly rooms: readonly string[];
  /** Messages of each room. */
  readonly messages: number;
  readonly text: string;
}

/**
 * Stores messages in rooms, each of another person at another address, through a process without limits that is gone afterwards.
 * Rejects where one was refused.
 */
export async function seedRooms(stage: Stage, { rooms, messages, text }: Seed): Promise<void> {
  const beside = await stage.startBeside({ ...NO_RATES, GUESTS: "write" });
  try {
    for (const [index, room] of rooms.entries()) {
      const localAddress = `127.3.1.${index + 1}`;
      const socket = new WebSocket(`${beside.wsUrl}/ws`, SUBPROTOCOL, { localAddress });
      await once(socket, "open");
      socket.send(JSON.stringify({ type: "hello", ref: 0 }));
      socket.send(JSON.stringify({ type: "join", ref: 0, room, limit: 0 }));
      for (let n = 0; n < messages; n += BATCH) {
        const count = Math.min(BATCH, messages - n);
        const acked = acks(socket, count);
        for (let i = 0; i < count; i += 1) {
          const ref = n + i;
          socket.send(JSON.stringify({ type: "message", ref, room, key: `k${ref}`, text: `${ref} ${text}` }));
        }
        await acked;
      }
      socket.terminate();
    }
  } finally {
    await beside.stop();
  }
}

/** Messages that may wait for their acks: fewer than a connection is allowed. */
const BATCH = 200;

function acks(socket: WebSocket, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = count;
    const listener = (data: { toString(): string }): void => {
      const frame: { type?: string } = JSON.parse(data.toString());
      if (frame.type === "error") reject(new Error(`not seeded: ${data.toString()}`));
      if (frame.type !== "ack") return;
      left -= 1;
      if (left > 0) return;
      socket.off("message", listener).off("close", closed);
      resolve();
    };
    const closed = (code: number): void => reject(new Error(`closed with ${code} while seeding`));
    socket.on("message", listener).on("close", closed);
  });
}

/** Names of so many rooms. */
export function roomNames(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${prefix}-${n + 1}`);
}
