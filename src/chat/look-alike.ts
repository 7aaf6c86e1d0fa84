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

/**
 * What does not tell names apart: punctuation, blanks, what is invisible, and marks that go with every script. The last three in the
 * brackets show nothing, as U+2800 does, or an empty box (U+FFFC).
 */
const NOT_COMPARED =
  /[\p{P}\p{Z}\p{Default_Ignorable_Code_Point}\u2800\u{16FE4}\u{1D159}\uFFFC]|(?=\p{M})\p{Script=Inherited}/gu;

/** Capital letters from A on in a circle or a square, which NFKD keeps: where each alphabet begins. */
const ENCLOSED_ALPHABETS = [0x1f150, 0x1f170, 0x1f1e6];

/** Small capitals of A to Z, for which Unicode has no compatibility mapping; there is none for X. */
const SMALL_CAPITALS = "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡxʏᴢ";

/** Letters of fancy alphabets, by which UTS #39 does not go. */
const FANCY_LETTERS = new Map(
  Array.from(SMALL_CAPITALS).flatMap((small, index): [string, string][] => {
    const letter = String.fromCharCode(0x61 + index);
    const enclosed = ENCLOSED_ALPHABETS.map((first) => String.fromCodePoint(first + index));
    return [small, ...enclosed].map((fancy) => [fancy, letter]);
  }),
);

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
  for (const character of bare) {
    const letter = FANCY_LETTERS.get(character) ?? character;
    look += PROTOTYPES.get(letter) ?? letter;
  }
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
