/** A time without service, ms of `performance.now()`. */
export interface Interruption {
  readonly from: number;
  /** Undefined while it lasts. */
  to: number | undefined;
}

/** When one client had service and when not; begins with its first service. */
export class ServiceRecord {
  readonly interruptions: Interruption[] = [];
  #begun = false;
  #served = false;

  get served(): boolean {
    return this.#served;
  }

  /** Something may have changed; the same again changes nothing. */
  note(served: boolean, at: number): void {
    if (served === this.#served) return;
    this.#served = served;
    if (served) {
      const last = this.interruptions.at(-1);
      if (this.#begun && last !== undefined) last.to = at;
      this.#begun = true;
    } else this.interruptions.push({ from: at, to: undefined });
  }

  /** The longest of those that began in a window, ms; undefined if none did. One that lasts counts until `now`. */
  longest(begin: number, end: number, now: number): number | undefined {
    const lengths = this.interruptions
      .filter(({ from }) => from >= begin && from < end)
      .map(({ from, to }) => (to ?? now) - from);
    return lengths.length === 0 ? undefined : Math.max(...lengths);
  }
}
