import { LIMITS } from "../../protocol/limits.ts";
import { failure, type Result, success } from "../result.ts";
import { firstCharacters, showsNothing } from "./characters.ts";
import { CONTEXT_UNITS, roleOfInvisible } from "./invisible.ts";
import { looksOf } from "./look-alike.ts";
import { nameOfCharacter } from "./unicode/character-name.ts";

/** The server's own name on plain sockets; no user's handle may look like it. */
export const SYSTEM_HANDLE = "system";

/** Handles in ASCII, as most are; they need no normalization. */
const PLAIN = /^(?:[!-~][ -~]*)?$/;

/** Bytes of the longest handle: 32 emoji of two people, each with a skin tone, fit. */
const HANDLE_BYTES = 40 * LIMITS.handleLength;

/** UTF-16 units of a name that are checked: more than the longest handle has, whatever is removed from it. */
const NAME_UNITS = 4 * HANDLE_BYTES;

/** Characters that are allowed in some places only, or nowhere. */
const SPECIAL = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Marks that may follow each other: a Burmese syllable has up to five (UTS #39, section 5.4, asks for a
 * limit).
 */
const MARKS = 6;
const TOO_MANY_MARKS = new RegExp(`([\\p{Mn}\\p{Me}]{${MARKS}})[\\p{Mn}\\p{Me}]+`, "gu");

/**
 * More marks than any character has. Normalization sorts them, in a time that grows with the square of their
 * number: 16,000 took 180 ms.
 */
const ENDLESS_MARKS = /(\p{M}{16})\p{M}+/gu;

/** A symbol that the selector after it turns into an emoji. */
const SELECTED_SYMBOL = /(\p{Extended_Pictographic})\uFE0F/gu;

/** The Braille blank, which String.trim does not remove. */
const BRAILLE_BLANK = "\u2800";

const TOO_LONG = badHandle(`A name has at most ${LIMITS.handleLength} characters.`);
const TOO_MARKED = badHandle(`A name has at most ${MARKS} marks on one character.`);
const OWN_NAME = badHandle(`A name cannot be "${SYSTEM_HANDLE}", nor look like it.`);
const SYSTEM_LOOKS = looksOf(SYSTEM_HANDLE);

/**
 * Returns a handle as it is shown: in NFKC, without blanks around it; undefined if nothing of it would be
 * visible, which counts as missing. Fails with `bad-handle` if it is too long, contains a character that is
 * not allowed, or looks like `system`.
 */
export function readHandle(given: string): Result<string | undefined> {
  const trimmed = given.trim();
  if (trimmed.length > NAME_UNITS) return TOO_LONG;
  if (trimmed.search(ENDLESS_MARKS) >= 0) return TOO_MARKED;
  const { text, hidden } = sifted(normalized(trimmed));
  if (showsNothing(text)) return success(undefined);
  if (hidden.length > 0) {
    // NFKC turns some characters into others: the error names the one that was given.
    const [character = ""] = [...sifted(trimmed).hidden, ...hidden];
    return badHandle(`A name cannot contain ${nameOfCharacter(character)}.`);
  }
  if (text.search(TOO_MANY_MARKS) >= 0) return TOO_MARKED;
  if (firstCharacters(text, LIMITS.handleLength, HANDLE_BYTES) !== text) return TOO_LONG;
  return looksOf(text).some((look) => SYSTEM_LOOKS.includes(look)) ? OWN_NAME : success(text);
}

/**
 * Returns a handle made of a name that the user cannot change (the embedding site gave it, or another version
 * of this server stored it): without what a handle cannot contain, and cut to its length. Undefined if no
 * handle can be made of it.
 */
export function handleFrom(name: string): string | undefined {
  let text = normalized(name.slice(0, NAME_UNITS).replace(ENDLESS_MARKS, "$1"));
  // Removing characters may bring others together that are not allowed side by side; each round makes the
  // text shorter.
  for (let sift = sifted(text); sift.text !== text; sift = sifted(text)) text = sift.text;
  text = firstCharacters(text.replace(TOO_MANY_MARKS, "$1").trimStart(), LIMITS.handleLength, HANDLE_BYTES);
  const handle = readHandle(text);
  return handle.ok ? handle.value : undefined;
}

function badHandle(message: string): Result<never> {
  return failure({ code: "bad-handle", message });
}

function normalized(name: string): string {
  if (PLAIN.test(name)) return name;
  // NFKC decomposes some symbols that are emoji only with the selector after them, and would leave that
  // selector alone.
  const symbols = name.replace(SELECTED_SYMBOL, (selected: string, symbol: string) =>
    symbol.normalize("NFKC") === symbol ? selected : symbol,
  );
  let text = symbols.normalize("NFKC").trim();
  while (text.startsWith(BRAILLE_BLANK)) text = text.slice(1).trimStart();
  while (text.endsWith(BRAILLE_BLANK)) text = text.slice(0, -1).trimEnd();
  return text;
}

/** Returns a name without its idle and hidden characters (invisible.ts), and the hidden ones. */
function sifted(name: string): { readonly text: string; readonly hidden: readonly string[] } {
  if (PLAIN.test(name)) return { text: name, hidden: [] };
  const hidden: string[] = [];
  let text = "";
  let end = 0;
  for (const { index, 0: character } of name.matchAll(SPECIAL)) {
    text += name.slice(end, index);
    end = index + character.length;
    const role = roleOfInvisible(character, text.slice(-CONTEXT_UNITS), name.slice(end, end + CONTEXT_UNITS));
    if (role === "needed") text += character;
    else if (role === "hidden") hidden.push(character);
  }
  return { text: text + name.slice(end), hidden };
}
