/** Elements that handle letters themselves, and an open panel, which Escape closes. */
const TAKES_LETTERS = [
  "input, textarea, select, audio, video, iframe, [contenteditable]",
  "[role=textbox], [role=searchbox], [role=combobox], [role=listbox], [role=menu], [role=tree], [role=grid]",
  "dialog, [role=dialog], .is-open",
].join();

/** One visible character. Blanks press buttons and scroll; / and ' open a browser's own search. */
const CHARACTER = /^[^\s\p{C}/']$/u;

/**
 * Returns whether the key writes a character and is no shortcut. Many keyboards need AltGr for some
 * characters.
 */
function writes(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.isComposing || !CHARACTER.test(event.key)) return false;
  return event.getModifierState("AltGraph") || !(event.ctrlKey || event.metaKey || event.altKey);
}

/**
 * Moves the focus to `field()` when the user begins to type elsewhere on the page; the character then goes
 * there.
 */
export function typeAnywhere(field: () => HTMLElement): void {
  document.addEventListener("keydown", (event) => {
    if (!writes(event) || document.activeElement?.closest(TAKES_LETTERS) != null) return;
    field().focus();
  });
}
