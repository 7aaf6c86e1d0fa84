import { element } from "../element.ts";

/** Degrees between two neighbouring hues, which makes 24 distinguishable colours. */
const HUE_STEP = 15;

/** Returns the hue of an id, in degrees, by FNV-1a with 32 bits. The same id always has the same hue. */
export function hueOf(id: string): number {
  let hash = 0x811c9dc5;
  for (const letter of id) {
    hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return (hash % (360 / HUE_STEP)) * HUE_STEP;
}

/** Returns the first letters of the first and the last word of a name. */
export function initialsOf(handle: string): string {
  const words = handle.split(/[\s._-]+/).filter((word) => word !== "");
  const first = [...(words[0] ?? "?")][0] ?? "?";
  const last = words.length > 1 ? ([...(words.at(-1) ?? "")][0] ?? "") : "";
  return (first + last).toLocaleUpperCase();
}

/** Makes a coloured square with initials. It is hidden from screen readers: the name is beside it. */
export function avatar(person: { readonly id: string; readonly handle: string }): HTMLSpanElement {
  const made = element("span", "avatar", initialsOf(person.handle));
  made.setAttribute("aria-hidden", "true");
  made.style.setProperty("--hue", String(hueOf(person.id)));
  return made;
}
