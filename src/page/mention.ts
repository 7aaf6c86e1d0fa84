const LETTER = /[\p{L}\p{N}\p{M}_]/u;

/** Whether a text names somebody: their whole name, in any case, not as a part of a longer word. */
export function mentions(text: string, handle: string): boolean {
  const [within, name] = [text.toLocaleLowerCase(), handle.toLocaleLowerCase()];
  if (name === "") return false;
  for (let at = within.indexOf(name); at !== -1; at = within.indexOf(name, at + 1)) {
    const before = within.slice(0, at).at(-1) ?? "";
    const after = within.slice(at + name.length).at(0) ?? "";
    if (!LETTER.test(before) && !LETTER.test(after)) return true;
  }
  return false;
}
