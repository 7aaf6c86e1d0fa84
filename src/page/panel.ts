/** A panel that narrow screens open and close with a button; Escape and a press outside close it too. */
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

  close(): void {
    this.#set(false);
  }

  #set(isOpen: boolean): void {
    this.#panel.classList.toggle("is-open", isOpen);
    this.#button.setAttribute("aria-expanded", String(isOpen));
  }
}
