import { LIMITS } from "../../protocol/limits.ts";
import { LAST_NUMBER, withNumber } from "../../store/numbered-handle.ts";
import type { RequestedHandle } from "../../store/store.ts";
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

/** Handles whose looks are kept: those of all rooms of a process are asked for again and again, and making them takes some 50 µs. */
const REQUESTS_KEPT = 10_000;

/** Oldest first. */
const requests = new Map<string, RequestedHandle>();

/** Returns a handle with what it is compared by. */
export function requestedHandle(handle: string): RequestedHandle {
  const known = requests.get(handle);
  if (known !== undefined) return known;
  const requested = { handle, looks: looksOf(handle), stem: stemOf(handle) };
  requests.set(handle, requested);
  if (requests.size > REQUESTS_KEPT) {
    const [oldest] = requests.keys();
    if (oldest !== undefined) requests.delete(oldest);
  }
  return requested;
}

/** UTF-16 units of the longest suffix: a blank, and a piece of an id or a number of six digits. */
const SUFFIX_LENGTH = 7;

/** What the rule below puts after a handle; behind "Ann 2" it puts nothing more. */
const NUMBER = / (?:[2-9]|1\d|20|\d{6})$/;

function stemOf(whole: string): RequestedHandle["stem"] {
  const bare = whole.replace(NUMBER, "") || whole;
  const handle = firstCharacters(
    bare,
    LIMITS.handleLength - SUFFIX_LENGTH,
    Number.POSITIVE_INFINITY,
  ).trimEnd();
  // Of a handle without letters the looks are others as soon as a digit follows.
  return { handle, looks: looksOf(`${handle} 2`).map((look) => look.slice(0, -1)) };
}

/**
 * Returns `handle` if no other user of the room looks like it, else with a suffix that tells them apart: " 2", " 3",
 * and in a crowd of look-alikes a piece of the user's id.
 */
export function disambiguate(
  handle: string,
  user: string,
  isTaken: (looks: readonly string[]) => boolean,
): string {
  const requested = requestedHandle(handle);
  if (!isTaken(requested.looks)) return handle;
  for (let number = 2; number <= LAST_NUMBER; number++) {
    const candidate = withNumber(requested, number);
    if (!isTaken(candidate.looks)) return candidate.handle;
  }
  return `${requested.stem.handle} ${user.slice(-SUFFIX_LENGTH + 1)}`;
}
