import { waitFor } from "../../kit/vitest/wait-for.ts";
import type { Attacker } from "../attacker/attacker.ts";
import { HonestClient } from "../honest-client.ts";
import { honestAddress } from "../honest-crowd.ts";
import type { Figures, Scenario } from "../scenario.ts";

const SOCKETS = 230;
const ROOM = "room-1";

/** Fills a room with guests of one address. */
export async function crowdRoom(attacker: Attacker, sockets = SOCKETS): Promise<Figures> {
  let inside = 0;
  for (let n = 0; n < sockets && !attacker.isOver; n += 1) {
    const socket = await attacker.guest({ port: attacker.port(n) });
    if (socket === undefined) continue;
    socket.send({ type: "join", ref: 1, room: ROOM, limit: 0 });
    inside += 1;
  }
  await attacker.untilOver();
  return { "guests of the attacker in the room": inside };
}

export const crowdedRoom: Scenario = {
  name: "crowded-room",
  does: "fills a room with 230 guests, so that no user there is named any more",
  attackMs: 9_000,
  prepare: async () => ({ attacked: ROOM }),
  attack: (attacker) => crowdRoom(attacker),
  atEnd: async ({ stage }) => {
    const newClient = new HonestClient({
      name: "new client",
      wsUrl: stage.servers[0]?.wsUrl ?? "",
      rooms: [ROOM],
      random: Math.random,
      localAddress: honestAddress(500),
    });
    newClient.client.start();
    await waitFor(() => newClient.isServed, "the new client is in the room").catch(() => undefined);
    const people = newClient.views.get(ROOM)?.room.people.users ?? [];
    newClient.stop();
    return { "people named": people.filter(({ handle }) => handle.startsWith("person ")).length };
  },
  // Of the six honest people who are there.
  limits: [{ figure: "people named", atLeast: 6 }],
};
