import type { Endings } from "./generator/calls.ts";

/** What a steady load showed. */
export interface Steady {
  readonly kind: "steady";
  /** CPU of all server processes, µs per delivery, in the measured time. */
  readonly cpuMicros: number;
  /** Deliveries per second in the measured time. */
  readonly deliveriesPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly missing: number;
  readonly doubled: number;
  readonly disordered: number;
  /** Refused by the server. */
  readonly refused: number;
  readonly lostClients: number;
  /** What the server processes grew by under the load, MB (10^6). */
  readonly grownMb: number;
  /** How the sockets that stopped reading were ended, by close code; those that were not are missing here. */
  readonly endings: Endings;
  /** CPU that the busiest generator process used, share of one core: near 1, the generator is the limit. */
  readonly generatorLoad: number;
}

export interface Ceiling {
  readonly kind: "ceiling";
  /** Of the highest rate that was sustained. */
  readonly messagesPerSecond: number;
  readonly deliveriesPerSecond: number;
  readonly cpuMicros: number;
  readonly p99: number;
  /** What ended it. */
  readonly brokeAt: number;
  readonly brokeBy: "missing" | "late";
}

export interface Idle {
  readonly kind: "idle";
  /** Resident memory per socket, KB (10^3). */
  readonly kbPerSocket: number;
  /** Sockets per second that connected and were ready. */
  readonly connectsPerSecond: number;
  /** CPU of the servers per connect, µs. */
  readonly cpuMicrosPerConnect: number;
  /** Both measured again after all have left and as many connect again, when the code is compiled. */
  readonly connectsPerSecondAgain: number;
  readonly cpuMicrosPerConnectAgain: number;
}

export interface Herd {
  readonly kind: "herd";
  /** From the first connect until the last was back, ms. */
  readonly backMs: number;
  readonly cpuMicrosPerConnect: number;
  /** Messages that each client got back; undefined where the system has no recovery. */
  readonly recoveredEach: number;
  /** Reads of the store in Redis, all processes together. */
  readonly logReads: number;
}

export type Measurement = Steady | Ceiling | Idle | Herd;

/** One run. */
export interface Result {
  readonly system: string;
  readonly load: string;
  readonly repetition: number;
  readonly measurement: Measurement;
}
