import type { Attacker, HttpRequest } from "../attacker/attacker.ts";
import type { Figures, Scenario } from "../scenario.ts";

/** All interfaces that accept a key. */
const DOORS: readonly ((guess: string) => Omit<HttpRequest, "port">)[] = [
  (guess) => ({ path: "/metrics", headers: { Authorization: `Bearer ${guess}` } }),
  (guess) => ({ path: "/status/fleet", headers: { Authorization: `Bearer ${guess}` } }),
  (guess) => ({
    method: "POST",
    path: "/status/session",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ key: guess }),
  }),
  (guess) => ({
    method: "POST",
    path: "/api/rooms/lobby/messages",
    headers: { Authorization: `Bearer ${guess}`, "Content-Type": "application/json" },
    body: '{"text":"guessed"}',
  }),
];

/** Tries keys at every interface that accepts one, as fast as the answers come. */
export async function guessKeys(attacker: Attacker): Promise<Figures> {
  const begun = performance.now();
  const judged = DOORS.map(() => 0);
  let guesses = 0;
  await Promise.all(
    Array.from({ length: DOORS.length * 3 }, (_, n) =>
      attacker.repeat(async () => {
        const door = n % DOORS.length;
        const guess = `guess-${guesses++}-of-a-key`;
        const request = DOORS[door]?.(guess);
        if (request === undefined) return;
        const { status } = await attacker.request({ ...request, port: attacker.port(n) });
        if (status === 401) judged[door] = (judged[door] ?? 0) + 1;
        if (status === 0) await attacker.pause(50);
      }),
    ),
  );
  const seconds = (performance.now() - begun) / 1_000;
  return {
    "keys tried": guesses,
    "keys judged per s": Math.round(judged.reduce((sum, count) => sum + count, 0) / seconds),
    "keys judged per s at the weakest way in": Math.round(Math.max(...judged) / seconds),
  };
}

export const keyGuessing: Scenario = {
  name: "key-guessing",
  does: "tries keys at every interface that accepts one",
  settings: async () => ({ API_KEYS: "a-key-that-nobody-guesses", METRICS: "key" }),
  attack: guessKeys,
  limits: [{ figure: "keys judged per s", atMost: 30 }],
};
