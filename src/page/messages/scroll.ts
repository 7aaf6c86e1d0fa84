/** CSS pixels from the bottom within which the user reads the newest. */
const NEAR_BOTTOM = 48;
/** CSS pixels from the bottom within which one is there; what scrolls stops at fractions of a pixel. */
const AT_BOTTOM = 1;
/** Keys by which one goes up. */
const UPWARD: ReadonlySet<string> = new Set(["ArrowUp", "PageUp", "Home"]);
/** CSS pixels above what is shown by `show`. */
const ABOVE = 48;
/** CSS pixels from the first or the last row within which the next ones are fetched. */
const NEAR_END = 600;

export interface ScrollPorts {
  readonly scroller: HTMLElement;
  readonly content: HTMLElement;
  /** Shown while the user reads older messages. */
  readonly newest: HTMLButtonElement;
  /** Whether the last row is that of the newest message. */
  readonly isAtEnd: () => boolean;
  /** One is close to the first row. */
  readonly nearTop: () => void;
  /** One is close to the last row, which is not that of the newest message. */
  readonly nearBottom: () => void;
  /** The newest message is to have its row. */
  readonly showNewest: () => void;
  /** The newest message came into view, or left it. */
  readonly pinnedChanged: () => void;
  /** Something else is in the window; at most once a frame. */
  readonly moved: () => void;
}

/** Keeps the list at the newest message, unless the user reads older ones; then it keeps the place. */
export class Scroll {
  readonly #ports: ScrollPorts;
  #isPinned = true;
  /** One went up by key or wheel, and the list has not moved yet. */
  #isLeaving = false;
  /** Where it was scrolled to, by the page or by the reader, when that was seen last. */
  #top = 0;
  #below = 0;
  #frame: number | undefined;

  constructor(ports: ScrollPorts) {
    this.#ports = ports;
    // What scrolls must be reachable without a mouse.
    ports.scroller.tabIndex = 0;
    ports.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    ports.scroller.addEventListener("keydown", ({ key, altKey, ctrlKey, metaKey }) => {
      // A glide to what is the end now would not reach the end of a busy room.
      if (key === "End") this.toNewest();
      else if (UPWARD.has(key) && !altKey && !ctrlKey && !metaKey) this.#leave();
    });
    ports.scroller.addEventListener(
      "wheel",
      ({ deltaY, ctrlKey }) => {
        if (deltaY < 0 && !ctrlKey) this.#leave();
      },
      { passive: true },
    );
    ports.newest.addEventListener("click", () => {
      this.toNewest();
      // The button goes away; the focus stays in the list.
      ports.scroller.focus({ preventScroll: true });
    });
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
    this.#isLeaving = false;
    this.#below = 0;
    this.#ports.showNewest();
    this.#settle();
    this.#showButton();
    if (!wasPinned) this.#ports.pinnedChanged();
  }

  /** Leaves the newest for that element, unless both are in view. */
  show(element: Element): void {
    const { scroller } = this.#ports;
    const { top } = element.getBoundingClientRect();
    scroller.scrollTop += top - scroller.getBoundingClientRect().top - ABOVE;
    this.#top = scroller.scrollTop;
    this.#pin(this.#left < AT_BOTTOM);
  }

  /** Where that element is, seen from the window. */
  placeOf(element: Element): "above" | "inside" | "below" {
    const [box, window] = [element, this.#ports.scroller].map((each) => each.getBoundingClientRect());
    if (box === undefined || window === undefined || box.bottom <= window.top) return "above";
    return box.top < window.bottom ? "inside" : "below";
  }

  /** Counts messages that came below while the user reads older ones. */
  countBelow(messages: number): void {
    if (this.#isPinned) return;
    this.#below += messages;
    this.#showButton();
  }

  /** Runs a change around what the user reads and keeps that where it is. */
  keepPlace(change: () => void): void {
    if (this.#isPinned) {
      change();
      this.#stick();
      return;
    }
    const { scroller } = this.#ports;
    const fromBottom = scroller.scrollHeight - scroller.scrollTop;
    const places = this.#visibleRows().map((row) => [row, row.getBoundingClientRect().bottom] as const);
    change();
    // A row whose beginning changed was made anew; its end is where it was.
    const kept = places.find(([row]) => row.isConnected);
    const moved =
      kept === undefined
        ? scroller.scrollHeight - fromBottom - scroller.scrollTop
        : kept[0].getBoundingClientRect().bottom - kept[1];
    // Setting it, even to what it is, would end a glide that the keyboard or the wheel began.
    if (moved !== 0) scroller.scrollTop += moved;
    this.#top = scroller.scrollTop;
  }

  /** Runs a change that somebody asked for where they read: that stays, and the newest may leave the window. */
  keepReading(change: () => void): void {
    change();
    this.#pin(this.#left < NEAR_BOTTOM);
  }

  /** After any change at the end of the list. */
  settle(): void {
    this.#settle();
  }

  #settle(): void {
    this.#stick();
    this.#fetch();
    this.#moved();
  }

  #moved(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#ports.moved();
    });
  }

  #stick(): void {
    const { scroller } = this.#ports;
    if (!this.#isPinned) return;
    scroller.scrollTop = scroller.scrollHeight;
    this.#top = scroller.scrollTop;
  }

  #fetch(): void {
    const { scroller, isAtEnd, nearTop, nearBottom } = this.#ports;
    if (scroller.scrollTop < NEAR_END) nearTop();
    if (this.#left < NEAR_END && !isAtEnd()) nearBottom();
  }

  /** CSS pixels below the window. */
  get #left(): number {
    const { scroller } = this.#ports;
    return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  }

  /** From the first row on that is in the window. */
  #visibleRows(): Element[] {
    const { content, scroller } = this.#ports;
    const { top, bottom } = scroller.getBoundingClientRect();
    return [...content.children].filter((row) => {
      const box = row.getBoundingClientRect();
      return box.bottom > top && box.top < bottom;
    });
  }

  /** One goes up by one's own act. To follow the newest meanwhile would end the glide before it is seen to begin. */
  #leave(): void {
    if (!this.#isPinned || this.#ports.scroller.scrollTop <= 0) return;
    this.#isLeaving = true;
    this.#pin(false);
  }

  #scrolled(): void {
    const { scrollTop } = this.#ports.scroller;
    const moved = scrollTop - this.#top;
    this.#top = scrollTop;
    const isAway = this.#left >= AT_BOTTOM;
    this.#moved();
    // Who goes up, however little, stays there; what became shorter may have taken one to the bottom.
    if (moved < 0) this.#pin(!isAway && !this.#isLeaving);
    else if (moved > 0) this.#pin(this.#left < NEAR_BOTTOM);
    else this.#pin(this.#isPinned);
    if (isAway) this.#isLeaving = false;
  }

  #pin(isNear: boolean): void {
    const wasPinned = this.#isPinned;
    this.#isPinned = isNear && this.#ports.isAtEnd();
    if (this.#isPinned) this.#below = 0;
    this.#showButton();
    if (wasPinned !== this.#isPinned) this.#ports.pinnedChanged();
    this.#fetch();
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
