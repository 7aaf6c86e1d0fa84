/** Adds a number to a handle that belongs to another user. */

import type { RequestedHandle } from "./store.ts";

/** The last number that is tried after a handle; the first one is 2. */
export const LAST_NUMBER = 20;

/** The looks of the digits 0 to 9, by the same rules as for letters. */
export const DIGIT_LOOKS = "ol23456789";

/** A handle and its looks. */
export type Candidate = Pick<RequestedHandle, "handle" | "looks">;

/** Returns the stem of a handle followed by a number. */
export function withNumber({ stem }: RequestedHandle, number: number): Candidate {
  const digits = String(number).replaceAll(/\d/g, (digit) => DIGIT_LOOKS[Number(digit)] ?? digit);
  return { handle: `${stem.handle} ${number}`, looks: stem.looks.map((look) => look + digits) };
}
