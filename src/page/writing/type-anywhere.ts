/** What does something of its own with a letter, and an open panel, which is left by Escape. */
const TAKES_LETTERS = [
  "input, textarea, select, audio, video, iframe, [contenteditable]",
  "[role=textbox], [role=searchbox], [role=combobox], [role=listbox], [role=menu], [role=tree], [role=grid]",
  "dialog, [role=dialog], .is-open",
].join();

/** One visible character. Blanks press buttons and scroll; with / and ' a browser's own search begins. */
const CHARACTER = /^[^\s\p{C}/']$/u;

/** Whether the key writes a character and is no shortcut. AltGr is how many keyboards write some of them. */
function writes(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.isComposing || !CHARACTER.test(event.key)) return false;
  return event.getModifierState("AltGraph") || !(event.ctrlKey || event.metaKey || event.altKey);
}

/** Moves the focus to `field()` when somebody begins to type elsewhere on the page; the character then lands there. */
export function typeAnywhere(field: () => HTMLElement): void {
  document.addEventListener("keydown", (event) => {
    if (!writes(event) || document.activeElement?.closest(TAKES_LETTERS) != null) return;
    field().focus();
  });
}
