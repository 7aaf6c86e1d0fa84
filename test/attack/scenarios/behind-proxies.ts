import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProxyKind } from "../proxies.ts";
import type { Figures, Scenario, Scene } from "../scenario.ts";
import { sendFragments, sendSlowBodies } from "./fragments.ts";
import { sendOddUpgrades } from "./odd-upgrades.ts";

/** For an answer, ms. */
const PATIENCE_MS = 5_000;

/** Honest requests over connections that are kept, as a browser's: how many there were, and how many went wrong. */
async function browse({ urls }: Scene, signal: AbortSignal): Promise<Figures> {
  const agent = new Agent({ keepAlive: true, localAddress: "127.3.0.3" });
  const wrong = new Map<string, number>();
  let asked = 0;
  const ask = async (): Promise<void> => {
    while (!signal.aborted) {
      const answer = await statusOf(`${urls[0]}/api/rooms/lobby/messages?limit=1`, agent);
      asked += 1;
      if (answer !== "200") wrong.set(answer, (wrong.get(answer) ?? 0) + 1);
      await sleep(20);
    }
  };
  // Within what one address may ask.
  await Promise.all(Array.from({ length: 1 }, ask));
  agent.destroy();
  return {
    "honest HTTP requests": asked,
    "honest HTTP requests that failed": [...wrong.values()].reduce((sum, count) => sum + count, 0),
    ...Object.fromEntries([...wrong].map(([what, count]) => [`answered ${what}`, count])),
  };
}

function statusOf(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    const asking = request(url, { agent, timeout: PATIENCE_MS }, (response) => {
      response.resume();
      response.on("end", () => resolve(String(response.statusCode)));
      response.on("error", ({ message }) => resolve(message));
    });
    asking.on("timeout", () => asking.destroy(new Error("no answer")));
    asking.on("error", ({ message }) => resolve(message));
    asking.end();
  });
}

function behind(proxy: ProxyKind): Scenario {
  return {
    name: `behind-${proxy.toLowerCase()}`,
    does: `sends odd upgrades, fragments and slow bodies through ${proxy}, over which honest people come too`,
    proxy,
    settings: async () => ({ TRUST_PROXY: "true" }),
    crowd: { people: 30, rooms: 5 },
    attackMs: 9_000,
    attack: async (attacker) => {
      const all = await Promise.all([
        sendOddUpgrades(attacker, 30),
        sendFragments(attacker, 30),
        sendSlowBodies(attacker, 100),
      ]);
      return Object.assign({}, ...all);
    },
    beside: browse,
    limits: [{ figure: "honest HTTP requests that failed", atMost: 0 }],
  };
}

export const behindNginx: Scenario = behind("nginx");
export const behindCaddy: Scenario = behind("Caddy");
