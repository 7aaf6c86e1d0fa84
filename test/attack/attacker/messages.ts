import type { Figures, Parameters } from "../scenario.ts";
import type { Cost } from "./attacker.ts";

/** What the measuring process tells the attacker's. */
export type Order =
  | {
      readonly order: "attack";
      readonly scenario: string;
      readonly ports: readonly number[];
      readonly parameters: Parameters;
    }
  /** Stop, and keep what is open. */
  | { readonly order: "stop" }
  /** Close everything and end. */
  | { readonly order: "release" };

/** What the attacker's process answers. */
export type Report =
  | { readonly report: "ready" }
  | { readonly report: "over"; readonly figures: Figures; readonly cost: Cost };
