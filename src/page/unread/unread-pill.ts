import { type UnreadAbove, unreadAboveText } from "./unread-above.ts";

/** The button above the list that says how many messages above are unread, and jumps to the first one. */
export class UnreadPill {
  readonly #button: HTMLButtonElement;
  #text: string | undefined;
  /** The jump in progress, which may have to load messages. */
  #jump: Promise<void> | undefined;

  /** `jump` shows the first unread message. */
  constructor(button: HTMLButtonElement, jump: () => Promise<void>) {
    this.#button = button;
    button.addEventListener("click", () => {
      if (this.#jump !== undefined) return;
      const started = jump().finally(() => {
        if (this.#jump === started) this.#jump = undefined;
        this.#render();
      });
      this.#jump = started;
      this.#render();
    });
  }

  /** Shows how much is unread above; `undefined` means nothing. */
  show(above: UnreadAbove | undefined): void {
    this.#text = above === undefined ? undefined : unreadAboveText(above, Date.now());
    // A jump in a room that was left ends later, and does not concern this room.
    if (above === undefined) this.#jump = undefined;
    this.#render();
  }

  #render(): void {
    const text = this.#jump === undefined ? (this.#text ?? "") : "Loading messages";
    this.#button.hidden = this.#text === undefined;
    if (this.#button.textContent !== text) this.#button.textContent = text;
  }
}
