import { button } from "../element.ts";

/** Runs a change of a row's height that the user asked for. */
export type Resize = (change: () => void) => void;

/**
 * Folds a long text, and returns the button that unfolds and folds it. Focus within the text unfolds it, so
 * that a link reached with the keyboard is visible.
 */
export function fold(text: HTMLElement, resize: Resize): HTMLButtonElement {
  const set = (isFolded: boolean) =>
    resize(() => {
      text.classList.toggle("is-folded", isFolded);
      toggle.textContent = isFolded ? "Show all" : "Show less";
      toggle.setAttribute("aria-expanded", String(!isFolded));
    });
  const toggle = button("Show all", "fold-button", () => set(!text.classList.contains("is-folded")));
  toggle.setAttribute("aria-expanded", "false");
  text.classList.add("is-folded");
  text.addEventListener("focusin", () => {
    if (text.classList.contains("is-folded")) set(false);
  });
  return toggle;
}
