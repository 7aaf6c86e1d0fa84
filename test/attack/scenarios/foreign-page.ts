import type { Attacker } from "../attacker/attacker.ts";
import type { Figures, Scenario } from "../scenario.ts";

/** Opens sockets as pages that are not the chat's own would. */
async function openAsForeignPage(attacker: Attacker): Promise<Figures> {
  const opened = async (headers: Readonly<Record<string, string>>): Promise<number> =>
    (await attacker.upgrade({ port: attacker.port(0), headers }).answered) === 101 ? 1 : 0;
  const secure = { Host: "chat.example", "X-Forwarded-Proto": "https" };
  return {
    "opened by the page itself": await opened({ ...secure, Origin: "https://chat.example" }),
    "opened by a page of another scheme": await opened({ ...secure, Origin: "http://chat.example" }),
    "opened by a rebound name": await opened({
      Host: "evil.example",
      "X-Forwarded-Proto": "https",
      Origin: "https://evil.example",
    }),
  };
}

export const foreignPage: Scenario = {
  name: "foreign-page",
  does: "opens the chat from a page without TLS, and under a name that the attacker's DNS points at it",
  settings: async () => ({ TRUST_PROXY: "true", ALLOWED_HOSTS: "chat.example,127.0.0.1" }),
  crowd: { people: 12, rooms: 2 },
  attackMs: 1_000,
  settleMs: 500,
  attack: openAsForeignPage,
  limits: [
    { figure: "opened by the page itself", atLeast: 1 },
    { figure: "opened by a page of another scheme", atMost: 0 },
    { figure: "opened by a rebound name", atMost: 0 },
  ],
};
