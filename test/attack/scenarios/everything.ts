import type { Attacker } from "../attacker/attacker.ts";
import { withRights } from "../rights.ts";
import type { Figures, Parameters, Scenario } from "../scenario.ts";
import { roomNames, seedRooms } from "../seed.ts";
import { ask } from "./cheap-requests.ts";
import { crowdRoom } from "./crowded-room.ts";
import { sendFragments, sendSlowBodies } from "./fragments.ts";
import { floodAsGuests } from "./guest-floods.ts";
import { holdConnections } from "./idle-connections.ts";
import { guessKeys } from "./key-guessing.ts";
import { sendOddUpgrades } from "./odd-upgrades.ts";
import {
  attackersTokens,
  floodAsUser,
  holdAsUser,
  makeNoise,
  storedOfUser,
  USER_LIMITS,
} from "./signed-in.ts";
import { type as typeIn } from "./typing-flood.ts";
import { leaveAnswersUnread } from "./unread-answers.ts";

const SEEDED = { rooms: roomNames("library", 50), messages: 60, text: "x".repeat(1_000) };

/** All attacks of one address at the same time. */
async function doEverything(attacker: Attacker, parameters: Parameters): Promise<Figures> {
  const all = await Promise.all([
    sendOddUpgrades(attacker),
    holdConnections(attacker, 300),
    leaveAnswersUnread(attacker, parameters, 60),
    floodAsGuests(attacker, { sockets: 20, roomOf: (guest) => `flood-${guest}`, text: "z".repeat(2_000) }),
    floodAsGuests(attacker, { sockets: 20, roomOf: () => "room-1", text: "noise" }),
    typeIn(attacker, "room-1"),
    sendFragments(attacker, 50),
    sendSlowBodies(attacker, 100),
    ask(attacker, 1),
    guessKeys(attacker),
    crowdRoom(attacker, 60),
  ]);
  return Object.assign({}, ...all);
}

/** The attacks of guests, of one address, and those of users of the site, of many. */
async function doEverythingSignedIn(attacker: Attacker, parameters: Parameters): Promise<Figures> {
  const all = await Promise.all([
    doEverything(attacker, parameters),
    floodAsUser(attacker, parameters),
    makeNoise(attacker, parameters),
    holdAsUser(attacker, parameters),
  ]);
  return Object.assign({}, ...all);
}

export const everything: Scenario = {
  name: "everything",
  does: "does all of this at the same time, from one address, beside 200 honest people",
  crowd: { people: 200, rooms: 30, pauseMs: 5_000 },
  attackMs: 12_000,
  settleMs: 4_000,
  prepare: async (stage) => {
    await seedRooms(stage, SEEDED);
    return { rooms: SEEDED.rooms, attacked: "room-1" };
  },
  attack: doEverything,
  limits: [{ figure: "acks p99 ms", atMost: 250 }],
};

export const everythingWithRights: Scenario = withRights({
  ...everything,
  name: "everything-with-rights",
  does: "does all of this where guests may only read, and all that users of the site can do from many addresses",
  prepare: async (stage) => {
    await seedRooms(stage, SEEDED);
    return { rooms: SEEDED.rooms, attacked: "room-1", ...(await attackersTokens()) };
  },
  attack: doEverythingSignedIn,
  after: storedOfUser,
  limits: [...everything.limits, ...USER_LIMITS],
});
