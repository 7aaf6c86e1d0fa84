import type { Scenario } from "./scenario.ts";
import { behindCaddy, behindNginx } from "./scenarios/behind-proxies.ts";
import { cheapRequests } from "./scenarios/cheap-requests.ts";
import { crowdedRoom } from "./scenarios/crowded-room.ts";
import { everything, everythingWithRights } from "./scenarios/everything.ts";
import { foreignPage } from "./scenarios/foreign-page.ts";
import { fragments } from "./scenarios/fragments.ts";
import { fullDisk } from "./scenarios/full-disk.ts";
import { guestFlood, keyFlood, roomFlood } from "./scenarios/guest-floods.ts";
import { idleConnections } from "./scenarios/idle-connections.ts";
import { impersonation } from "./scenarios/impersonation.ts";
import { keyGuessing } from "./scenarios/key-guessing.ts";
import { keyOutage } from "./scenarios/key-outage.ts";
import { messageFlood } from "./scenarios/message-flood.ts";
import { oddUpgrades } from "./scenarios/odd-upgrades.ts";
import { officeOnOneProcess, officeOnThree } from "./scenarios/office.ts";
import { rotatedSecret } from "./scenarios/rotated-secret.ts";
import { signedInConnections, signedInFlood } from "./scenarios/signed-in.ts";
import { typingFlood } from "./scenarios/typing-flood.ts";
import { unreadAnswers } from "./scenarios/unread-answers.ts";

/** Every attack that is tried, in the order of the table in docs/security.md. */
export const SCENARIOS: readonly Scenario[] = [
  oddUpgrades,
  idleConnections,
  unreadAnswers,
  roomFlood,
  keyFlood,
  guestFlood,
  typingFlood,
  fullDisk,
  keyOutage,
  impersonation,
  rotatedSecret,
  fragments,
  cheapRequests,
  messageFlood,
  keyGuessing,
  crowdedRoom,
  foreignPage,
  behindNginx,
  behindCaddy,
  officeOnOneProcess,
  officeOnThree,
  signedInFlood,
  signedInConnections,
  everything,
  everythingWithRights,
];

/** Throws where there is none of that name. */
export function scenarioNamed(name: string): Scenario {
  const scenario = SCENARIOS.find((each) => each.name === name);
  if (scenario === undefined) throw new Error(`there is no scenario "${name}"`);
  return scenario;
}
