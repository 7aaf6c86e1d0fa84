import { readLog } from "../../checker/stored-log.ts";
import { waitFor } from "../../kit/vitest/wait-for.ts";
import type { Attacker } from "../attacker/attacker.ts";
import { HonestClient } from "../honest-client.ts";
import { honestAddress } from "../honest-crowd.ts";
import type { Figures, Scenario } from "../scenario.ts";

const ROOM = "parlour";

/** Names that look like `system`. */
const SYSTEMS = [
  "system\u200b",
  "sys\u00adtem",
  "system\u034f",
  "system\u115f",
  "system\u2065",
  "system\ufff0",
  "system\u{e0100}",
  "system\u{e0fff}",
  "system\u{1d173}",
  "\u0455ystem",
  "ＳＹＳＴＥＭ",
  "SYSTEM.",
  "s y s t e m",
];

/** Speaks under other people's names by every way in. */
async function impersonate(attacker: Attacker): Promise<Figures> {
  const handles = ["Ada", "ada", "Аda", "Ada\u2065", ...SYSTEMS];
  for (const [n, handle] of handles.entries()) {
    const path = `/ws?room=${ROOM}&history=0`;
    const plain = attacker.upgrade({ port: attacker.port(n), path, protocol: "" });
    if ((await plain.answered) === 101) plain.send({ handle, text: `plain ${n}` });
    const port = attacker.port(n + 1);
    const session = await attacker.request({
      port,
      method: "POST",
      path: "/api/session",
      headers: { "Content-Type": "application/json" },
      body: "{}",
    });
    const cookie = (session.headers["set-cookie"] ?? []).map((line) => line.split(";")[0]).join("; ");
    await attacker.request({
      port: attacker.port(n + 2),
      method: "POST",
      path: `/api/rooms/${ROOM}/messages`,
      headers: { "Content-Type": "application/json", Cookie: cookie },
      body: JSON.stringify({ handle, text: `http ${n}` }),
    });
    await attacker.pause(50);
  }
  await speakAtOnce(attacker);
  return { "names tried": handles.length };
}

/** Twelve people on different processes take one name at the same moment, and speak. */
async function speakAtOnce(attacker: Attacker): Promise<void> {
  for (let round = 0; round < 6; round += 1) {
    const twins = await Promise.all(
      [0, 1].map((n) => attacker.guest({ port: attacker.port(n) }, `Twin${round}`)),
    );
    for (const twin of twins) twin?.send({ type: "join", ref: 1, room: ROOM, limit: 0 });
    for (const twin of twins) {
      twin?.send({ type: "message", ref: 2, room: ROOM, key: `t${round}`, text: `twin ${round}` });
    }
    await attacker.pause(200);
  }
}

/** Who is there all the time. */
let ada: HonestClient | undefined;

/** As a reader sees a name: without what cannot be seen, and without regard to width and case. */
function looks(handle: string): string {
  return handle
    .normalize("NFKC")
    .replace(/[\p{Default_Ignorable_Code_Point}\p{Cn}\s]/gu, "")
    .toLowerCase();
}

export const impersonation: Scenario = {
  name: "impersonation",
  does: "writes as a user in the room, as another one at the same time, and as the server, by every interface",
  crowd: { people: 12, rooms: 2 },
  prepare: async (stage) => {
    ada = new HonestClient({
      name: "Ada",
      wsUrl: stage.servers[0]?.wsUrl ?? "",
      rooms: [ROOM],
      random: Math.random,
      localAddress: honestAddress(600),
    });
    ada.client.start();
    const client = ada;
    await waitFor(() => client.isServed, "Ada is there");
    client.say(ROOM, "I am Ada");
    await waitFor(() => client.acks.length === 1, "Ada has spoken");
    return { ada: client.user };
  },
  attack: impersonate,
  after: async ({ stage, parameters }) => {
    ada?.stop();
    const entries = (await readLog(stage.admin, ROOM)).map(
      ({ frame, user }): { user: string; handle: string } => ({
        user,
        handle: String(JSON.parse(frame).handle),
      }),
    );
    const others = entries.filter(({ user }) => user !== parameters["ada"]);
    const twins = new Map<string, Set<string>>();
    for (const { handle, user } of entries) {
      if (handle.startsWith("Twin")) twins.set(handle, (twins.get(handle) ?? new Set()).add(user));
    }
    return {
      "messages of others": others.length,
      "spoke as Ada": others.filter(({ handle }) => looks(handle) === "ada").length,
      "spoke as the same twin": [...twins.values()].filter(({ size }) => size > 1).length,
      "spoke as system": entries.filter(({ handle }) => looks(handle) === "system").length,
    };
  },
  limits: [
    { figure: "messages of others", atLeast: 10 },
    { figure: "spoke as Ada", atMost: 0 },
    { figure: "spoke as the same twin", atMost: 0 },
    { figure: "spoke as system", atMost: 0 },
  ],
};
