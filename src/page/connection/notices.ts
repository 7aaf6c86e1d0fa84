import { button, element } from "../element.ts";

/** Notices that are shown at a time; a further one removes the oldest. */
const LIMIT = 3;
/** Dismissed texts that are remembered, and not shown again. */
const DISMISSED_LIMIT = 50;

export interface NoticeOffer {
  readonly label: string;
  readonly accept: () => void;
}

/** Shows notices of the server and of the page, each once, until the user dismisses them. */
export class Notices {
  readonly #region: HTMLElement;
  readonly #shown = new Map<string, HTMLElement>();
  readonly #dismissed = new Set<string>();

  constructor(region: HTMLElement) {
    this.#region = region;
  }

  /**
   * Shows a notice. The same text again, as after each reconnect, changes nothing. `offer`: an action, on a
   * button.
   */
  add(text: string, offer?: NoticeOffer): void {
    if (this.#shown.has(text) || this.#dismissed.has(text)) return;
    const close = button("Dismiss", "quiet-button", () => this.#dismiss(text));
    const notice = element("div", "notice", element("p", "", text));
    if (offer !== undefined) {
      const accept = () => {
        this.#remove(text);
        offer.accept();
      };
      notice.append(button(offer.label, "line-button", accept));
    }
    notice.append(close);
    this.#shown.set(text, notice);
    this.#region.append(notice);
    const [oldest] = this.#shown.keys();
    if (this.#shown.size > LIMIT && oldest !== undefined) this.#remove(oldest);
    this.#region.hidden = false;
  }

  #dismiss(text: string): void {
    if (this.#dismissed.size >= DISMISSED_LIMIT) this.#dismissed.clear();
    this.#dismissed.add(text);
    this.#remove(text);
  }

  #remove(text: string): void {
    this.#shown.get(text)?.remove();
    this.#shown.delete(text);
    this.#region.hidden = this.#shown.size === 0;
  }
}
