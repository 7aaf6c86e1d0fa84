/**
 * A panel that is opened and closed with a button on narrow screens. Escape and a press outside close it too.
 */
export class Panel {
  readonly #button: HTMLButtonElement;
  readonly #panel: HTMLElement;

  constructor(button: HTMLButtonElement, panel: HTMLElement) {
    this.#button = button;
    this.#panel = panel;
    button.addEventListener("click", () => this.#set(!panel.classList.contains("is-open")));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    document.addEventListener("pointerdown", (event) => {
      const target = event.target;
      if (target instanceof Node && !panel.contains(target) && !button.contains(target)) this.close();
    });
  }

  /** Whether the panel covers the page; on wide screens it is always shown, and its button is not. */
  get #isOverlay(): boolean {
    return this.#button.checkVisibility();
  }

  close(): void {
    this.#set(false);
  }

  #set(isOpen: boolean): void {
    // A hidden element cannot keep the focus.
    if (!isOpen && this.#panel.contains(document.activeElement) && this.#isOverlay) this.#button.focus();
    this.#panel.classList.toggle("is-open", isOpen);
    this.#button.setAttribute("aria-expanded", String(isOpen));
  }
}
