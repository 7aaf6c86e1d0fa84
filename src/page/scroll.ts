/** CSS pixels from the bottom within which one reads the newest. */
const NEAR_BOTTOM = 48;
/** CSS pixels from the top within which older ones are fetched. */
const NEAR_TOP = 600;

export interface ScrollPorts {
  readonly scroller: HTMLElement;
  readonly content: HTMLElement;
  /** Shown while one reads older messages. */
  readonly newest: HTMLButtonElement;
  /** One is close to the oldest message. */
  readonly nearTop: () => void;
  /** The newest message came into view, or left it. */
  readonly pinnedChanged: () => void;
}

/** Keeps the list at the newest message, unless one reads older ones; then it keeps the place. */
export class Scroll {
  readonly #ports: ScrollPorts;
  #isPinned = true;
  #below = 0;

  constructor(ports: ScrollPorts) {
    this.#ports = ports;
    // What scrolls must be reachable without a mouse.
    ports.scroller.tabIndex = 0;
    ports.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    ports.newest.addEventListener("click", () => this.toNewest());
    // The list also grows when a line breaks anew, the keyboard opens or the composer grows.
    const observer = new ResizeObserver(() => this.#settle());
    observer.observe(ports.scroller);
    observer.observe(ports.content);
  }

  /** Whether the newest message is in view. */
  get isPinned(): boolean {
    return this.#isPinned;
  }

  toNewest(): void {
    const wasPinned = this.#isPinned;
    this.#isPinned = true;
    this.#below = 0;
    this.#settle();
    this.#showButton();
    if (!wasPinned) this.#ports.pinnedChanged();
  }

  /** Counts messages that came below while one reads older ones. */
  countBelow(messages: number): void {
    if (this.#isPinned) return;
    this.#below += messages;
    this.#showButton();
  }

  /** Runs a change above what one reads and keeps that where it is. */
  keepPlace(change: () => void): void {
    const { scroller } = this.#ports;
    const fromBottom = scroller.scrollHeight - scroller.scrollTop;
    change();
    if (this.#isPinned) this.#settle();
    else scroller.scrollTop = scroller.scrollHeight - fromBottom;
  }

  /** After any change at the end of the list. */
  settle(): void {
    this.#settle();
  }

  #settle(): void {
    const { scroller } = this.#ports;
    if (this.#isPinned) scroller.scrollTop = scroller.scrollHeight;
    if (scroller.scrollTop < NEAR_TOP) this.#ports.nearTop();
  }

  #scrolled(): void {
    const { scroller } = this.#ports;
    const left = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    const wasPinned = this.#isPinned;
    this.#isPinned = left < NEAR_BOTTOM;
    if (this.#isPinned) this.#below = 0;
    this.#showButton();
    if (wasPinned !== this.#isPinned) this.#ports.pinnedChanged();
    if (scroller.scrollTop < NEAR_TOP) this.#ports.nearTop();
  }

  #showButton(): void {
    const { newest } = this.#ports;
    newest.hidden = this.#isPinned;
    newest.textContent =
      this.#below === 0
        ? "Jump to the newest"
        : `${this.#below} new ${this.#below === 1 ? "message" : "messages"}`;
  }
}
