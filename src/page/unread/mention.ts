const LETTER = /[\p{L}\p{N}\p{M}_]/u;

/** Returns whether a text mentions a user: the whole name, in any case, not as part of a longer word. */
export function mentions(text: string, handle: string): boolean {
  const [within, name] = [text.toLocaleLowerCase(), handle.toLocaleLowerCase()];
  if (name === "") return false;
  for (let at = within.indexOf(name); at !== -1; at = within.indexOf(name, at + 1)) {
    const isPart =
      LETTER.test(characterBefore(within, at)) || LETTER.test(characterAt(within, at + name.length));
    if (!isPart) return true;
  }
  return false;
}

/** Returns the whole character, which may be two UTF-16 units; empty at the text's end. */
function characterAt(text: string, at: number): string {
  const code = text.codePointAt(at);
  return code === undefined ? "" : String.fromCodePoint(code);
}

function characterBefore(text: string, at: number): string {
  const pair = characterAt(text, at - 2);
  return pair.length === 2 ? pair : text.charAt(at - 1);
}
