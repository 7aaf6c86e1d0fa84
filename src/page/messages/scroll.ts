/** CSS pixels from the bottom within which the user is taken to read the newest messages. */
const NEAR_BOTTOM = 48;
/**
 * CSS pixels from the bottom within which the list is at the bottom; scrolling stops at fractions of a pixel.
 */
const AT_BOTTOM = 1;
/** Keys that scroll up. */
const UPWARD: ReadonlySet<string> = new Set(["ArrowUp", "PageUp", "Home"]);
/** CSS pixels that `show` leaves above the element. */
const ABOVE = 48;
/** CSS pixels from the first or the last row within which the next ones are fetched. */
const NEAR_END = 600;

export interface ScrollPorts {
  readonly scroller: HTMLElement;
  readonly content: HTMLElement;
  /** The button that jumps to the newest message; shown while the user reads older ones. */
  readonly newest: HTMLButtonElement;
  /** Whether the last row is that of the newest message. */
  readonly isAtEnd: () => boolean;
  /** Called when the window is close to the first row. */
  readonly nearTop: () => void;
  /** Called when the window is close to the last row, which is not that of the newest message. */
  readonly nearBottom: () => void;
  /** Makes the row of the newest message. */
  readonly showNewest: () => void;
  /** Called when the newest message comes into view, or leaves it. */
  readonly pinnedChanged: () => void;
  /** Called when other rows are in the window; at most once per frame. */
  readonly moved: () => void;
}

/** Keeps the list at the newest message; while the user reads older ones, keeps those where they are. */
export class Scroll {
  readonly #ports: ScrollPorts;
  #isPinned = true;
  /** The user scrolls up by key or wheel, and the list has not moved yet. */
  #isLeaving = false;
  /** The scroll position at the last look, whether the page or the user scrolled there. */
  #top = 0;
  #below = 0;
  #frame: number | undefined;

  constructor(ports: ScrollPorts) {
    this.#ports = ports;
    // A scrollable element must be reachable without a mouse.
    ports.scroller.tabIndex = 0;
    ports.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    ports.scroller.addEventListener("keydown", ({ key, altKey, ctrlKey, metaKey }) => {
      // A smooth scroll to the present end would not reach the end of a busy room.
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
      // The button is hidden; the focus stays in the list.
      ports.scroller.focus({ preventScroll: true });
    });
    // The list also changes when a line wraps, the keyboard opens or the composer grows.
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

  /** Scrolls away from the newest message to that element, unless both are in view. */
  show(element: Element): void {
    const { scroller } = this.#ports;
    const { top } = element.getBoundingClientRect();
    scroller.scrollTop += top - scroller.getBoundingClientRect().top - ABOVE;
    this.#top = scroller.scrollTop;
    this.#pin(this.#left < AT_BOTTOM);
  }

  /** Returns where that element is, relative to the window. */
  placeOf(element: Element): "above" | "inside" | "below" {
    const [box, window] = [element, this.#ports.scroller].map((each) => each.getBoundingClientRect());
    if (box === undefined || window === undefined || box.bottom <= window.top) return "above";
    return box.top < window.bottom ? "inside" : "below";
  }

  /** Counts new messages below while the user reads older ones. */
  countBelow(messages: number): void {
    if (this.#isPinned) return;
    this.#below += messages;
    this.#showButton();
  }

  /** Runs a change of the list, and keeps what the user reads where it is. */
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
    // A row whose beginning changed was made again.
    const kept = places.find(([row]) => row.isConnected);
    const moved =
      kept === undefined
        ? scroller.scrollHeight - fromBottom - scroller.scrollTop
        : kept[0].getBoundingClientRect().bottom - kept[1];
    // Setting it, even to its present value, would end a smooth scroll by keyboard or wheel.
    if (moved !== 0) scroller.scrollTop += moved;
    this.#top = scroller.scrollTop;
  }

  /**
   * Runs a change that the user asked for at the place they read. That place stays, and the newest message
   * may leave the window.
   */
  keepReading(change: () => void): void {
    change();
    this.#pin(this.#left < NEAR_BOTTOM);
  }

  /** To be called after any change at the end of the list. */
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

  /** CSS pixels of the list below the window. */
  get #left(): number {
    const { scroller } = this.#ports;
    return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  }

  /** Returns the rows from the first one in the window on. */
  #visibleRows(): Element[] {
    const { content, scroller } = this.#ports;
    const { top, bottom } = scroller.getBoundingClientRect();
    return [...content.children].filter((row) => {
      const box = row.getBoundingClientRect();
      return box.bottom > top && box.top < bottom;
    });
  }

  /**
   * The user scrolls up. To follow the newest message now would end the smooth scroll before it has moved the
   * list.
   */
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
    // A user who scrolls up, however little, stays there; a list that became shorter may have moved them to
    // the bottom.
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
