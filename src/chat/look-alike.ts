import { LIMITS } from "../protocol.ts";
import { firstCharacters } from "./characters.ts";
import { CONFUSABLES } from "./unicode/tables.ts";

/** What a reader takes a character for (UTS #39, section 4). */
const PROTOTYPES = new Map(
  CONFUSABLES.trimEnd()
    .split("\n")
    .flatMap((line) => {
      const [prototype = "", characters = ""] = line.split(" ");
      return Array.from(characters, (character): [string, string] => [character, prototype]);
    }),
);

/** What does not tell names apart: punctuation, blanks, what is invisible, and marks that go with every script. */
const NOT_COMPARED = /[\p{P}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]|(?=\p{M})\p{Script=Inherited}/gu;

const ASCII = /^[ -~]*$/;

/** Data for a capital i is that it looks like a small l; without regard to case, so does the small i. */
const CASELESS_I = /i/g;

/**
 * Returns what a reader sees of a handle at a glance, in one or two forms: two handles that have a form in common are easily taken
 * for each other. The second form is that of the capital letters: letters may look alike in one case only.
 */
export function looksOf(handle: string): readonly string[] {
  const look = skeleton(handle);
  // Of ASCII letters no two look alike in one case only, but for the i.
  if (ASCII.test(handle)) return [look];
  const capitals = skeleton(handle.toUpperCase());
  return look === capitals ? [look] : [look, capitals];
}

/** The skeleton of UTS #39, section 4, without regard to case. */
function skeleton(text: string): string {
  // Once more in lower case: there are other prototypes.
  return prototype(prototype(text).toLowerCase()).replace(CASELESS_I, "l");
}

function prototype(text: string): string {
  const plain = text.normalize("NFKD");
  // A handle of nothing but marks and punctuation is only like itself.
  const bare = plain.replace(NOT_COMPARED, "") || plain;
  let look = "";
  for (const character of bare) look += PROTOTYPES.get(character) ?? character;
  return look;
}

/** Numbers tried before the suffix is made from the user's id. */
const NUMBERS_TRIED = 20;

/**
 * Returns `handle` if no other user of the room looks like it, else with a suffix that tells them apart: " 2", " 3",
 * and in a crowd of look-alikes a piece of the user's id.
 */
export function apart(handle: string, user: string, isTaken: (handle: string) => boolean): string {
  if (!isTaken(handle)) return handle;
  for (let number = 2; number <= NUMBERS_TRIED; number++) {
    const candidate = withSuffix(handle, ` ${number}`);
    if (!isTaken(candidate)) return candidate;
  }
  return withSuffix(handle, ` ${user.slice(-6)}`);
}

function withSuffix(handle: string, suffix: string): string {
  return firstCharacters(handle, LIMITS.handleLength - suffix.length, Number.POSITIVE_INFINITY) + suffix;
}
