/** How a handle gets a number, where it is another user's. */

import type { RequestedHandle } from "./store.ts";

/** The last number that is tried after a handle, from 2 on. */
export const LAST_NUMBER = 20;

/** What readers take the digits from 0 to 9 for, as they take letters for each other. */
export const DIGIT_LOOKS = "ol23456789";

/** A handle, and what readers take it for. */
export type Candidate = Pick<RequestedHandle, "handle" | "looks">;

/** Returns the stem of a handle with a number after it. */
export function withNumber({ stem }: RequestedHandle, number: number): Candidate {
  const digits = String(number).replaceAll(/\d/g, (digit) => DIGIT_LOOKS[Number(digit)] ?? digit);
  return { handle: `${stem.handle} ${number}`, looks: stem.looks.map((look) => look + digits) };
}
