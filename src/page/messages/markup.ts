import { authorityEnd, splitAddresses } from "./addresses.ts";
import { indexOfKind } from "./scan.ts";

/** A piece of a message. Text is never markup: whoever shows it makes text nodes of it. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "link"; readonly text: string; readonly href: string }
  /** Within a line. */
  | { readonly kind: "code"; readonly text: string }
  /** Whole lines, as they were written. */
  | { readonly kind: "block"; readonly text: string }
  | { readonly kind: "bold" | "italic"; readonly pieces: readonly Piece[] };

/** Up to three blanks may stand before a fence, as everywhere else in Markdown. */
/** A piece, and from where to where it is written. */
interface Found {
  readonly from: number;
  readonly to: number;
  readonly piece: Piece;
}

/** Finds pieces of a kind in a text, first to last, in the time of one reading. */
type Finder = (text: string) => Iterable<Found>;
type Within = (text: string) => readonly Piece[];

/** A line's fence, and what stands after it. Up to three blanks may stand before it, as everywhere else in Markdown. */
const FENCE = /^ {0,3}```(.*)$/s;
const BLANK = /^[ \t]*$/;
const CODE_END = /[`\n]/g;
const MARK = /[*_]/g;
const LINE_END = /\n/g;
const STAR_END = /[*\n]/g;
const UNDERSCORE_END = /[_\n]/g;
const SPACE = /\s/;
const WORD = /\w/;
const WORD_OR_STAR = /[\w*]/;

/** Lines between two fences. A fence that none follows is text, and so are all after it. */
function* blocksIn(text: string): Generator<Found> {
  let opened: { readonly from: number; readonly inner: number } | undefined;
  for (let from = 0; from < text.length; ) {
    const newline = text.indexOf("\n", from);
    const end = newline === -1 ? text.length : newline;
    const info = FENCE.exec(text.slice(from, end))?.[1];
    if (opened !== undefined && info !== undefined && BLANK.test(info)) {
      const inner = text.slice(opened.inner, Math.max(opened.inner, from - 1));
      yield { from: opened.from, to: Math.min(end + 1, text.length), piece: { kind: "block", text: inner } };
      opened = undefined;
    } else if (opened === undefined && info !== undefined && newline !== -1 && !info.includes("`")) {
      opened = { from, inner: end + 1 };
    }
    from = end + 1;
  }
}

function* codesIn(text: string): Generator<Found> {
  for (let from = text.indexOf("`"); from !== -1; ) {
    const end = indexOfKind(text, CODE_END, from + 1);
    const isCode = text.charAt(end) === "`" && end > from + 1;
    if (isCode) yield { from, to: end + 1, piece: { kind: "code", text: text.slice(from + 1, end) } };
    from = text.indexOf("`", isCode ? end + 1 : end);
  }
}

/** Marks that touch their words and stand outside of others: `2 * 3 * 4` and `snake_case_name` are none. */
function* strongIn(text: string): Generator<Found> {
  // The last that were found: they hold for every opening mark before them.
  let closing = 0;
  let lineEnd = -1;
  for (let from = text.indexOf("**"); from !== -1; ) {
    let next = from + 1;
    if (!WORD_OR_STAR.test(text.charAt(from - 1)) && isNoSpace(text.charAt(from + 2))) {
      if (closing < from + 3) closing = closingFrom(text, from + 3);
      if (lineEnd < from) lineEnd = indexOfKind(text, LINE_END, from);
      if (closing < lineEnd) {
        yield {
          from,
          to: closing + 2,
          piece: { kind: "bold", pieces: slanted(text.slice(from + 2, closing)) },
        };
        next = closing + 2;
      }
    }
    from = text.indexOf("**", next);
  }
}

/** Where the first mark that can close stands, at or after `from`; the text's length where there is none. */
function closingFrom(text: string, from: number): number {
  for (let at = text.indexOf("**", from); at !== -1; at = text.indexOf("**", at + 1)) {
    if (isNoSpace(text.charAt(at - 1)) && !WORD_OR_STAR.test(text.charAt(at + 2))) return at;
  }
  return text.length;
}

function* slantedIn(text: string): Generator<Found> {
  for (let from = indexOfKind(text, MARK, 0); from < text.length; ) {
    const end = indexOfKind(text, text.charAt(from) === "*" ? STAR_END : UNDERSCORE_END, from + 1);
    const isItalic = isSlanted(text, from, end);
    if (isItalic)
      yield { from, to: end + 1, piece: { kind: "italic", pieces: plain(text.slice(from + 1, end)) } };
    from = indexOfKind(text, MARK, isItalic ? end + 1 : from + 1);
  }
}

/** Whether two marks of one kind, with none between, make what is between them italic. */
function isSlanted(text: string, from: number, end: number): boolean {
  const mark = text.charAt(from);
  if (text.charAt(end) !== mark || end < from + 2) return false;
  const outside = mark === "*" ? WORD_OR_STAR : WORD;
  if (outside.test(text.charAt(from - 1)) || outside.test(text.charAt(end + 1))) return false;
  return isNoSpace(text.charAt(from + 1)) && isNoSpace(text.charAt(end - 1));
}

/** Of one character; none is no character. */
function isNoSpace(character: string): boolean {
  return character !== "" && !SPACE.test(character);
}

/** Takes the pieces that are found, and gives the rest to the next finder. */
function split(text: string, find: Finder, rest: Within): readonly Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const found of find(text)) {
    if (found.from > from) pieces.push(...rest(text.slice(from, found.from)));
    pieces.push(found.piece);
    from = found.to;
  }
  if (from < text.length) pieces.push(...rest(text.slice(from)));
  return pieces;
}

const slanted: Within = (text) => split(text, slantedIn, plain);
const strong: Within = (text) => split(text, strongIn, slanted);

function plain(text: string): readonly Piece[] {
  return text === "" ? [] : [{ kind: "text", text }];
}

/** Addresses come before emphasis: an underscore in an address is part of it. */
const withLinks: Within = (text) =>
  splitAddresses(text).flatMap(({ text: part, href }) =>
    href === undefined ? strong(part) : [{ kind: "link", text: part, href } as const],
  );
const withCode: Within = (text) => split(text, codesIn, withLinks);

/** Reads the little markup that messages know: fenced blocks, `code`, **bold**, *italics*, addresses. */
export function piecesOf(message: string): readonly Piece[] {
  return split(message, blocksIn, withCode);
}

const EMOJI_ONLY =
  /^(?:[\p{Extended_Pictographic}\p{Regional_Indicator}\p{Emoji_Modifier}\s]|\u200d|\ufe0f){1,60}$/u;
/** Emoji of a message that is shown larger. */
const EMOJI_LIMIT = 6;

/** Whether a message is nothing but a few emoji. */
export function isEmojiOnly(message: string): boolean {
  if (!EMOJI_ONLY.test(message)) return false;
  const letters = [...new Intl.Segmenter().segment(message)].filter(({ segment }) => segment.trim() !== "");
  return letters.length > 0 && letters.length <= EMOJI_LIMIT;
}

/**
 * An address as it is shown, in three parts: the host stands apart, because that is what tells where a link leads,
 * whatever is written before or after it. An address that hides its host after a name and an @ is shown without them.
 */
export function shownAddress(href: string): {
  readonly before: string;
  readonly host: string;
  readonly after: string;
} {
  const url = new URL(href);
  if (url.protocol === "mailto:") return { before: "", host: decodeSafely(url.pathname), after: "" };
  const after = href.slice(authorityEnd(href));
  return { before: `${url.protocol}//`, host: url.host, after };
}

function decodeSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
