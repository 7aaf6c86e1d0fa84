import type { Attacker } from "../attacker/attacker.ts";
import type { Figures, Parameters, Scenario } from "../scenario.ts";
import { roomNames, seedRooms } from "../seed.ts";

const ROOMS = 50;
const SOCKETS = 190;
const STREAMS = 7;

/** Joins 50 rooms per socket, asks for the history of each again and again, and reads nothing. */
export async function leaveAnswersUnread(
  attacker: Attacker,
  { rooms }: Parameters,
  sockets = SOCKETS,
): Promise<Figures> {
  const names = Array.isArray(rooms) ? rooms : [];
  const port = attacker.port(0);
  const asking: Promise<void>[] = [];
  for (let n = 0; n < sockets && !attacker.isOver; n += 1) {
    asking.push(askWithoutReading(attacker, port, names));
    if (n % 10 === 9) await attacker.pause(100);
  }
  for (let n = 0; n < STREAMS; n += 1) {
    const query = names.map((room) => `room=${room}@0-0`).join("&");
    const stream = attacker.connect(port);
    stream.pause();
    stream.write(`GET /api/events?${query} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  }
  await Promise.all(asking);
  await attacker.untilOver();
  return {};
}

async function askWithoutReading(attacker: Attacker, port: number, rooms: readonly string[]): Promise<void> {
  const socket = await attacker.guest({ port });
  if (socket === undefined) return;
  socket.mute();
  for (const [ref, room] of rooms.entries()) socket.send({ type: "join", ref, room, limit: 200 });
  for (let round = 0; round < 4; round += 1) {
    for (const [ref, room] of rooms.entries()) socket.send({ type: "history", ref, room, limit: 200 });
    await attacker.pause(1_000);
  }
}

export const unreadAnswers: Scenario = {
  name: "unread-answers",
  does: "asks 197 connections for the history of 50 rooms each, and reads nothing",
  // As a dyno of 512 MB; the heap is given, so that the process that listens is the one that was started.
  settings: async () => ({ MEMORY_AVAILABLE: "512", NODE_OPTIONS: "--max-old-space-size=256" }),
  attackMs: 8_000,
  settleMs: 6_000,
  prepare: async (stage) => {
    const rooms = roomNames("library", ROOMS);
    await seedRooms(stage, { rooms, messages: 200, text: "x".repeat(1_100) });
    return { rooms };
  },
  attack: leaveAnswersUnread,
  // Twice what 1 MiB per connection comes to, above what the process needs by itself.
  limits: [{ figure: "memory peak MB", atMost: 480 }],
};
