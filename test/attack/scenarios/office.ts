import { waitFor } from "../../kit/vitest/wait-for.ts";
import type { Scenario, Scene } from "../scenario.ts";

const PEOPLE = 500;
const ADDRESS = "127.5.0.1";

/** Answers that say that a client connected too often or too fast. */
const LIMITED = /429|rate-limited|too-many/;

function limited({ crowd }: Scene): number {
  return crowd.clients.reduce(
    (sum, { refusals, ends }) => sum + [...refusals, ...ends].filter(({ what }) => LIMITED.test(what)).length,
    0,
  );
}

function office(name: string, does: string, processes: number): Scenario {
  return {
    name,
    does,
    processes,
    crowd: { people: PEOPLE, rooms: 50, pauseMs: 10_000, isRegular: true, localAddress: ADDRESS },
    isOfThisBuildOnly: true,
    // Nobody attacks: this is what the limits must not meet.
    attack: async () => ({}),
    attackMs: 20_000,
    settleMs: 3_000,
    atEnd: async (scene) => {
      const begun = performance.now();
      const timesLimited = limited(scene);
      await scene.stage.replaceAll();
      await waitFor(() => scene.crowd.isServed, "everybody is back", 60_000).catch(() => undefined);
      return {
        "times limited": timesLimited,
        "back after a crash": scene.crowd.served,
        "back after s": Math.round((performance.now() - begun) / 100) / 10,
      };
    },
    // What all wrote during the crash comes at once, and may have to wait a moment more: it is counted, and
    // nothing of it may be lost.
    after: async (scene) => ({ "times limited in all": limited(scene) }),
    // Times and refusals are those of the crash too.
    limits: [
      { figure: "acks p95 ms", atMost: 10_000 },
      { figure: "new clients refused", atMost: 30 },
      { figure: "honest requests refused", atMost: 1_000 },
      { figure: "back after a crash", atLeast: PEOPLE },
      { figure: "back after s", atMost: 60 },
      { figure: "times limited", atMost: 0 },
    ],
  };
}

export const officeOnOneProcess: Scenario = office(
  "office-1",
  "nothing: 500 honest people have one address, on one process, and all return at once after a crash",
  1,
);

export const officeOnThree: Scenario = office(
  "office-3",
  "nothing: 500 honest people have one address, on three processes, and all return at once after a crash",
  3,
);
