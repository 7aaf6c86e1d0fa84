import type { Random } from "../../src/client/ports.ts";
import type { Findings } from "../checker/findings.ts";
import { seededRandom } from "../kit/fakes/seeded-random.ts";
import { Participant } from "./participant.ts";

export interface CrowdOptions {
  readonly wsUrl: string;
  readonly clients: number;
  /** Everybody is in one of these and in `lobby`. */
  readonly rooms: number;
  /** Between two things one person says, on average, ms. */
  readonly pauseMs: number;
  readonly seed: number;
  readonly findings: Findings;
}

/** Where everybody is. */
export const LOBBY = "lobby";

/** One message of so many is said in the lobby. */
const LOBBY_SHARE = 16;

/** Addresses of the loopback network (127.0.0.0/8), of which only Linux has all. */
const MANY_ADDRESSES = process.platform === "linux";

/** People who talk, each at their own pace, until they are told to stop. */
export class Crowd {
  readonly participants: readonly Participant[];
  readonly rooms: readonly string[];
  readonly #pauseMs: number;
  readonly #random: Random;
  readonly #timers = new Map<Participant, NodeJS.Timeout>();
  #said = 0;

  constructor({ wsUrl, clients, rooms, pauseMs, seed, findings }: CrowdOptions) {
    this.#pauseMs = pauseMs;
    this.#random = seededRandom(seed);
    const names = Array.from({ length: rooms }, (_, n) => `room-${n + 1}`);
    this.rooms = [LOBBY, ...names];
    this.participants = Array.from(
      { length: clients },
      (_, n) =>
        new Participant({
          name: `person ${n + 1}`,
          wsUrl,
          rooms: [LOBBY, ...names.slice(n % rooms, (n % rooms) + 1)],
          random: seededRandom(seed + n + 1),
          findings,
          localAddress: MANY_ADDRESSES ? `127.77.${n >> 8}.${n & 255 || 1}` : undefined,
        }),
    );
  }

  /** Texts said so far. */
  get said(): number {
    return this.#said;
  }

  get served(): boolean {
    return this.participants.every(({ service }) => service.served);
  }

  /** Connects everybody, some at a time. */
  connect(overMs: number): void {
    for (const [n, participant] of this.participants.entries()) {
      const timer = setTimeout(() => participant.start(), (overMs * n) / this.participants.length);
      this.#timers.set(participant, timer);
    }
  }

  /** Everybody talks. */
  talk(): void {
    for (const participant of this.participants) this.#next(participant);
  }

  /** Nobody says anything new; what was said is still sent. */
  hush(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  leave(): void {
    this.hush();
    for (const participant of this.participants) participant.stop();
  }

  /** The pauses of a Poisson process, so that messages come in clusters and gaps. */
  #next(participant: Participant): void {
    const pause = -Math.log(1 - this.#random()) * this.#pauseMs;
    const timer = setTimeout(() => {
      this.#speak(participant);
      this.#next(participant);
    }, pause);
    this.#timers.set(participant, timer);
  }

  #speak(participant: Participant): void {
    this.#said += 1;
    const [, own = LOBBY] = [...participant.views.keys()];
    const room = this.#random() < 1 / LOBBY_SHARE ? LOBBY : own;
    participant.say(room, `${participant.name} says number ${this.#said}`);
  }
}
