import { ALL_FAULTS } from "./faults.ts";
import type { PlanOptions } from "./plan.ts";

/** What makes a seed besides its number and the processes. */
export type Mixture = Omit<PlanOptions, "processes" | "clients">;

/** The mixture that proves: everything, at the rate of a very bad day. */
export const EVERYTHING: Mixture = { faults: ALL_FAULTS, faultCount: 14, quietRooms: 12, acts: 5 };
