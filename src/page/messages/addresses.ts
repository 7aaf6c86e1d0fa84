import { indexOfKind } from "./scan.ts";

/** A part of a message: plain text (`href` is undefined), or an address. */
export type TextPart = { readonly text: string; readonly href: string | undefined };

/** Characters that end an address. */
const END = /[\s<>"]/g;
const END_OR_AT = /[\s<>"@]/g;
/** Characters that make a following `mailto:` part of another word. */
const JOINED = /[\w.+-]/;
/** A mark that ends a sentence rather than an address. */
const SENTENCE_MARK = /[.,;:!?'*_~]/;
const OPENING: ReadonlyMap<string, string> = new Map([
  [")", "("],
  ["]", "["],
  ["}", "{"],
]);

/** Before a host a browser treats any number of slashes as two, and everywhere a backslash as a slash. */
const AUTHORITY_START = /[^/\\]/g;
const AUTHORITY_END = /[/\\?#]/g;
/**
 * UTF-16 units of a scheme, a user and a host together. A host has 253 at most; URL accepts longer ones, in a
 * time that grows with the square of their length if they are not ASCII.
 */
const LONGEST_AUTHORITY = 512;

/** Indexes at which an address begins and ends in a message. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * Finds what looks like an address, in linear time: every colon is visited once, and the text after it is not
 * read again for a later one.
 */
function* candidatesIn(message: string): Generator<Range> {
  let from = 0;
  // Index at which the part of the last mailto: address before its @ ends; other addresses within it end
  // there too.
  let nameEnd = 0;
  for (
    let colon = message.indexOf(":");
    colon !== -1;
    colon = message.indexOf(":", Math.max(colon + 1, from))
  ) {
    const web = beginningOf(message, ["https", "http"], colon);
    if (web !== undefined && web >= from && message.startsWith("//", colon + 1)) {
      const to = indexOfKind(message, END, colon + 3);
      if (to > colon + 3) {
        yield { from: web, to };
        from = to;
      }
      continue;
    }
    const mail = beginningOf(message, ["mailto"], colon);
    if (mail === undefined || mail < from || JOINED.test(message.charAt(mail - 1))) continue;
    if (nameEnd <= colon) nameEnd = indexOfKind(message, END_OR_AT, colon + 1);
    if (nameEnd === colon + 1 || message.charAt(nameEnd) !== "@") continue;
    const to = indexOfKind(message, END_OR_AT, nameEnd + 1);
    if (to === nameEnd + 1) continue;
    yield { from: mail, to };
    from = to;
  }
}

/**
 * Returns the index at which one of the schemes, in any case, begins before a colon; undefined if none does.
 */
function beginningOf(message: string, schemes: readonly string[], colon: number): number | undefined {
  const found = schemes.find(
    (scheme) => message.slice(Math.max(0, colon - scheme.length), colon).toLowerCase() === scheme,
  );
  return found === undefined ? undefined : colon - found.length;
}

/**
 * Returns the length of an address without the punctuation of the sentence around it. A closing bracket
 * belongs to the sentence unless the address opens it.
 */
function endOf(address: string): number {
  const counts = new Map<string, number>();
  for (const character of address) counts.set(character, (counts.get(character) ?? 0) + 1);
  let end = address.length;
  for (; end > 0; end -= 1) {
    const last = address.charAt(end - 1);
    if (SENTENCE_MARK.test(last)) continue;
    const opening = OPENING.get(last);
    const closings = counts.get(last) ?? 0;
    if (opening === undefined || closings <= (counts.get(opening) ?? 0)) return end;
    counts.set(last, closings - 1);
  }
  return end;
}

/** Returns the index after the host of an http or https address; 0 for a mailto: address. */
export function authorityEnd(address: string): number {
  const slashes = address.indexOf("://") + 1;
  if (slashes === 0) return 0;
  return indexOfKind(address, AUTHORITY_END, indexOfKind(address, AUTHORITY_START, slashes));
}

/** Splits a message at its http, https and mailto addresses. Joined again, the parts are the message. */
export function splitAddresses(message: string): readonly TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (const candidate of candidatesIn(message)) {
    const whole = message.slice(candidate.from, candidate.to);
    const address = whole.slice(0, endOf(whole));
    if (authorityEnd(address) > LONGEST_AUTHORITY || !URL.canParse(address)) continue;
    if (candidate.from > from) parts.push({ text: message.slice(from, candidate.from), href: undefined });
    parts.push({ text: address, href: address });
    from = candidate.from + address.length;
  }
  if (from < message.length) parts.push({ text: message.slice(from), href: undefined });
  return parts;
}
