/** A part of a message: words as they are, or an address. */
export type TextPart = { readonly text: string; readonly href: string | undefined };

const ADDRESS = /https?:\/\/[^\s<>"]+|(?<![\w.+-])mailto:[^\s<>"@]+@[^\s<>"@]+/gi;
/** Marks that end a sentence rather than an address. */
const TRAILING = /[.,;:!?'*_~]+$/;

/** A closing bracket belongs to the sentence unless the address opens it. */
function withoutTrailing(address: string): string {
  let kept = address.replace(TRAILING, "");
  for (const [open, close] of ["()", "[]", "{}"].map((pair) => [...pair])) {
    if (open === undefined || close === undefined) continue;
    while (kept.endsWith(close) && kept.split(close).length > kept.split(open).length) {
      kept = kept.slice(0, -1).replace(TRAILING, "");
    }
  }
  return kept;
}

/** Splits a message at its http, https and mailto addresses. Joined again, the parts are the message. */
export function splitAddresses(message: string): readonly TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (const match of message.matchAll(ADDRESS)) {
    const address = withoutTrailing(match[0]);
    if (!URL.canParse(address)) continue;
    if (match.index > from) parts.push({ text: message.slice(from, match.index), href: undefined });
    parts.push({ text: address, href: address });
    from = match.index + address.length;
  }
  if (from < message.length) parts.push({ text: message.slice(from), href: undefined });
  return parts;
}
