import { JOINING } from "./unicode/tables.ts";

/** What an invisible character does at its position. */
export type Role =
  /** It changes how the text looks, as the script or the emoji requires. */
  | "needed"
  /** It changes nothing, and is common there. */
  | "idle"
  /** It changes nothing, and no reader can see that it is there. */
  | "hidden";

/** UTF-16 units on each side of a character that decide its role: a flag has fourteen. */
export const CONTEXT_UNITS = 32;

const NON_JOINER = "\u200C";
const JOINER = "\u200D";

/** Marks between two letters do not end their joining. */
const MARKS = "[\\p{Mn}\\p{Me}]*";
const AFTER_JOINING = new RegExp(`[${JOINING}]${MARKS}$`, "u");
const BEFORE_JOINING = new RegExp(`^${MARKS}[${JOINING}]`, "u");

const LAST_MARK = /\p{M}$/u;
const FIRST_MARK = /^\p{M}/u;
const AFTER_LETTER = /\p{L}\p{M}*$/u;

const AFTER_EMOJI = /\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\uFE0F)?$/u;
const BEFORE_EMOJI = /^\p{Extended_Pictographic}/u;

/** Marks of direction: they do nothing beside a letter of a script that is written from right to left. */
const DIRECTION = /[\u061C\u200E\u200F]/u;
const RIGHT_TO_LEFT =
  "[\\p{Script=Arabic}\\p{Script=Hebrew}\\p{Script=Syriac}\\p{Script=Thaana}\\p{Script=Nko}\\p{Script=Adlam}]";

/** A possible line break: some keyboards write it between words, in scripts without blanks between them. */
const BREAK = /\u200B/u;
const WITHOUT_BLANKS = "[\\p{Script=Khmer}\\p{Script=Lao}\\p{Script=Myanmar}\\p{Script=Thai}]";

/** Characters that are often typed beside letters of some scripts, and change nothing there. */
const IDLE: readonly { readonly character: RegExp; readonly before: RegExp; readonly after: RegExp }[] = [
  besideLetter(DIRECTION, RIGHT_TO_LEFT),
  besideLetter(BREAK, WITHOUT_BLANKS),
];

/**
 * The flags of England, Scotland and Wales: the only tag sequences that are emoji (RGI_Emoji_Tag_Sequence,
 * UTS #51).
 */
const TAGGED_FLAG = new RegExp(["gbeng", "gbsct", "gbwls"].map(taggedFlag).join("|"), "gu");

/** Variation selectors, and the characters that they apply to. */
const SELECTORS: readonly { readonly selector: RegExp; readonly before: RegExp; readonly after?: RegExp }[] =
  [
    { selector: /[\uFE0E\uFE0F]/u, before: /\p{Extended_Pictographic}$/u },
    { selector: /\uFE0F/u, before: /[#*0-9]$/u, after: /^\u20E3/u },
    { selector: /[\uFE00-\uFE02\u{E0100}-\u{E01EF}]/u, before: /\p{Unified_Ideograph}$/u },
    { selector: /[\u180B-\u180F]/u, before: /\p{Script=Mongolian}$/u },
  ];

/** Returns the role of an invisible character; `before` and `after` are up to CONTEXT_UNITS on its sides. */
export function roleOfInvisible(character: string, before: string, after: string): Role {
  if (character === NON_JOINER || character === JOINER) return roleOfJoiner(character, before, after);
  if (isSelected(character, before, after) || isInTaggedFlag(character, before, after)) return "needed";
  const isIdle = IDLE.some(
    (kind) => kind.character.test(character) && (kind.before.test(before) || kind.after.test(after)),
  );
  return isIdle ? "idle" : "hidden";
}

function besideLetter(character: RegExp, letter: string): (typeof IDLE)[number] {
  return { character, before: new RegExp(`${letter}${MARKS}$`, "u"), after: new RegExp(`^${letter}`, "u") };
}

/**
 * Returns the role of a joiner by CONTEXTJ of RFC 5892 (appendix A.1 and A.2), and in emoji sequences (UTS
 * #51). Differs from the RFC in two points. The RFC also requires that the letters on both sides would join:
 * Persian names are written with a non-joiner even if they would not. And it does not know the joiner before
 * a virama, by which Bengali, Kannada and Sinhala choose between two forms of a letter (The Unicode Standard,
 * sections 12.2, 12.8, 13.2).
 */
function roleOfJoiner(character: string, before: string, after: string): Role {
  if (character === JOINER && AFTER_EMOJI.test(before) && BEFORE_EMOJI.test(after)) return "needed";
  if (isVirama(LAST_MARK.exec(before)?.[0])) return "needed";
  if (character === JOINER && AFTER_LETTER.test(before) && isVirama(FIRST_MARK.exec(after)?.[0]))
    return "needed";
  const [last, next] = [AFTER_JOINING.test(before), BEFORE_JOINING.test(after)];
  if (last && next) return "needed";
  return last || next ? "idle" : "hidden";
}

/**
 * Returns whether a mark is a virama: of combining class 9. Regular expressions cannot match the class, but
 * normalization sorts marks by it: U+3099 has class 8, U+05B0 has class 10.
 */
function isVirama(mark: string | undefined): boolean {
  if (mark === undefined) return false;
  const [voiced, pointed] = [`${mark}\u3099`, `\u05B0${mark}`];
  return voiced.normalize("NFD") !== voiced && pointed.normalize("NFD") !== pointed;
}

function isSelected(character: string, before: string, after: string): boolean {
  return SELECTORS.some(
    (form) => form.selector.test(character) && form.before.test(before) && (form.after?.test(after) ?? true),
  );
}

/**
 * Returns the emoji of a region's flag: a black flag, the region in tag letters, and the tag that ends it.
 */
function taggedFlag(region: string): string {
  const tags = Array.from(region, (letter) => String.fromCodePoint(0xe0000 + letter.charCodeAt(0)));
  return `\u{1F3F4}${tags.join("")}\u{E007F}`;
}

function isInTaggedFlag(character: string, before: string, after: string): boolean {
  if (!/[\u{E0020}-\u{E007F}]/u.test(character)) return false;
  const flags = (before + character + after).matchAll(TAGGED_FLAG);
  return Array.from(flags).some(
    ({ index, 0: flag }) => index < before.length && before.length < index + flag.length,
  );
}
