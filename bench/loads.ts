/** What is done to a system. */
interface LoadBase {
  readonly name: string;
  /** For the table. */
  readonly meaning: string;
  readonly sockets: number;
  readonly repetitions: number;
}

/** Messages at a steady rate to one room. */
export interface SteadyLoad extends LoadBase {
  readonly kind: "steady";
  /** Messages per second, all senders together. */
  readonly rate: number;
  readonly senders: number;
  readonly textBytes: number;
  readonly warmUpMs: number;
  /** Messages per second at first, where that is not `rate`. */
  readonly warmUpRate?: number;
  readonly measureMs: number;
  /** Sockets that stop reading when the load begins. */
  readonly stalled: number;
}

/** The rate is raised until something is missing or late. */
export interface CeilingLoad extends LoadBase {
  readonly kind: "ceiling";
  /** Messages per second to begin with. */
  readonly firstRate: number;
  /** Halvings of the last step, in the logarithm, once one has failed. */
  readonly refinements: number;
  readonly step: SteadyLoad;
}

/** All clients join, and none sends anything. */
export interface IdleLoad extends LoadBase {
  readonly kind: "idle";
}

/** All clients are cut off and return at once, with 20 messages missed. */
export interface HerdLoad extends LoadBase {
  readonly kind: "herd";
}

export type Load = SteadyLoad | CeilingLoad | IdleLoad | HerdLoad;

/** A ceiling's limit, ms: later than this at p99, and the rate is not sustained. */
export const CEILING_P99_MS = 250;

const STEADY = {
  kind: "steady",
  repetitions: 3,
  senders: 10,
  textBytes: 100,
  warmUpMs: 6_000,
  measureMs: 5_000,
  stalled: 0,
} as const;

const STEP: SteadyLoad = {
  ...STEADY,
  name: "ceiling",
  meaning: "",
  sockets: 1_000,
  rate: 0,
  // One sender's messages are stored one after the other: a few senders would measure round trips.
  senders: 50,
  warmUpMs: 1_500,
  measureMs: 3_000,
};

const LOADS: readonly Load[] = [
  {
    ...STEADY,
    name: "wide",
    meaning: "1,000 sockets, 20 messages/s",
    sockets: 1_000,
    rate: 20,
    // Long enough to leave no doubt that what is done once a message is compiled; 6 s at 20 per second gave
    // the same shares.
    warmUpMs: 15_000,
    warmUpRate: 60,
    // Single runs of a system lie up to a quarter apart, and here the shares are close.
    repetitions: 5,
  },
  { ...STEADY, name: "busy", meaning: "1,000 sockets, 160 messages/s", sockets: 1_000, rate: 160 },
  { ...STEADY, name: "hot", meaning: "100 sockets, 1,000 messages/s", sockets: 100, rate: 1_000 },
  {
    ...STEADY,
    name: "calm",
    meaning: "100 sockets, a message every 100 ms",
    sockets: 100,
    rate: 10,
    // At ten messages per second no server would have compiled its code before the measuring is over.
    warmUpRate: 500,
    // Two processes use 30 ms of CPU per second here, and V8 gives memory back once for 100 ms: 5 s would
    // hold it or not.
    measureMs: 30_000,
    repetitions: 3,
  },
  {
    ...STEADY,
    name: "stalled",
    meaning: "100 sockets, 200 messages/s of 4 KiB, 20 stop reading",
    sockets: 100,
    rate: 200,
    textBytes: 4_096,
    stalled: 20,
    // A socket fills its kernel's buffers first, some MB, and is closed 4 to 6 s after it stopped; 5 s later
    // it would be given up, and a client that reads again would not find out why.
    warmUpMs: 2_000,
    measureMs: 6_000,
    repetitions: 2,
  },
  {
    kind: "ceiling",
    name: "ceiling",
    meaning: `1,000 sockets, the highest rate with nothing missing and p99 up to ${CEILING_P99_MS} ms`,
    sockets: 1_000,
    repetitions: 1,
    firstRate: 80,
    refinements: 2,
    step: STEP,
  },
  { kind: "idle", name: "idle", meaning: "5,000 sockets, joined", sockets: 5_000, repetitions: 2 },
  { kind: "herd", name: "herd", meaning: "5,000 sockets return at once", sockets: 5_000, repetitions: 2 },
];

/** Less of everything: to see that it works, not to be quoted. */
function shortened(load: Load): Load {
  if (load.kind === "steady") return { ...load, repetitions: 1, warmUpMs: 2_000, measureMs: 2_500 };
  if (load.kind === "ceiling") {
    return { ...load, repetitions: 1, refinements: 0, step: { ...load.step, measureMs: 1_500 } };
  }
  return { ...load, repetitions: 1, sockets: 2_000 };
}

/** Throws an Error that names what is there, where `only` names something else. */
export function chosenLoads(quick: boolean, only: readonly string[] | undefined): readonly Load[] {
  const names = LOADS.map(({ name }) => name);
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`there is no load ${unknown}; there are ${names.join(", ")}`);
  const chosen = LOADS.filter(({ name, kind }) => only?.includes(name) ?? !(quick && kind === "ceiling"));
  return quick ? chosen.map(shortened) : chosen;
}
