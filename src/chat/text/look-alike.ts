import { LIMITS } from "../../protocol/limits.ts";
import { LAST_NUMBER, withNumber } from "../../store/numbered-handle.ts";
import type { RequestedHandle } from "../../store/store.ts";
import { firstCharacters } from "./characters.ts";
import { CONFUSABLES } from "./unicode/tables.ts";

/** The prototype that a reader takes a character for (UTS #39, section 4). */
const PROTOTYPES = new Map(
  CONFUSABLES.trimEnd()
    .split("\n")
    .flatMap((line) => {
      const [prototype = "", characters = ""] = line.split(" ");
      return Array.from(characters, (character): [string, string] => [character, prototype]);
    }),
);

/**
 * Characters that are ignored when handles are compared: punctuation, blanks, invisible characters, and marks
 * that are used with every script. The last three in the brackets show nothing, as U+2800 does, or an empty
 * box (U+FFFC).
 */
const NOT_COMPARED =
  /[\p{P}\p{Z}\p{Default_Ignorable_Code_Point}\u2800\u{16FE4}\u{1D159}\uFFFC]|(?=\p{M})\p{Script=Inherited}/gu;

/** First code points of alphabets of capital letters in a circle or a square, which NFKD keeps. */
const ENCLOSED_ALPHABETS = [0x1f150, 0x1f170, 0x1f1e6];

/** Small capitals of A to Z, for which Unicode has no compatibility mapping; there is none for X. */
const SMALL_CAPITALS = "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡxʏᴢ";

/** Letters of fancy alphabets, which the data of UTS #39 does not cover. */
const FANCY_LETTERS = new Map(
  Array.from(SMALL_CAPITALS).flatMap((small, index): [string, string][] => {
    const letter = String.fromCharCode(0x61 + index);
    const enclosed = ENCLOSED_ALPHABETS.map((first) => String.fromCodePoint(first + index));
    return [small, ...enclosed].map((fancy) => [fancy, letter]);
  }),
);

const ASCII = /^[ -~]*$/;

/** In the data a capital i looks like a small l; without regard to case, the small i does so, too. */
const CASELESS_I = /i/g;

/**
 * Returns the one or two forms by which a handle is compared: two handles that have a form in common look
 * alike. The second form is that of the capital letters: letters may look alike in one case only.
 */
export function looksOf(handle: string): readonly string[] {
  const look = skeleton(handle);
  // No two ASCII letters look alike in one case only, except the i.
  if (ASCII.test(handle)) return [look];
  const capitals = skeleton(handle.toUpperCase());
  return look === capitals ? [look] : [look, capitals];
}

/** Returns the skeleton of a text by UTS #39, section 4, without regard to case. */
function skeleton(text: string): string {
  // Twice: letters in lower case have other prototypes.
  return prototype(prototype(text).toLowerCase()).replace(CASELESS_I, "l");
}

function prototype(text: string): string {
  const plain = text.normalize("NFKD");
  // A handle that consists of marks and punctuation is compared with them.
  const bare = plain.replace(NOT_COMPARED, "") || plain;
  let look = "";
  for (const character of bare) {
    const letter = FANCY_LETTERS.get(character) ?? character;
    look += PROTOTYPES.get(letter) ?? letter;
  }
  return look;
}

/** Handles whose looks are cached: they are needed again and again, and take some 50 µs to compute. */
const REQUESTS_KEPT = 10_000;

/** The cache by handle, oldest first. */
const requests = new Map<string, RequestedHandle>();

/** Returns a handle with the forms by which it is compared. */
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

/** A number that `disambiguate` appends to a handle; it replaces the one in "Ann 2". */
const NUMBER = / (?:[2-9]|1\d|20|\d{6})$/;

function stemOf(whole: string): RequestedHandle["stem"] {
  const bare = whole.replace(NUMBER, "") || whole;
  const handle = firstCharacters(
    bare,
    LIMITS.handleLength - SUFFIX_LENGTH,
    Number.POSITIVE_INFINITY,
  ).trimEnd();
  // A digit after a handle without letters changes its looks.
  return { handle, looks: looksOf(`${handle} 2`).map((look) => look.slice(0, -1)) };
}

/**
 * Returns `handle` if no other user of the room has one that looks like it, else adds a suffix: " 2", " 3",
 * and with too many look-alikes a piece of the user's id.
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
