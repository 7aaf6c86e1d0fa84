const KEY = "dynochat.reloads";
/** Reloads in a row of one tab. */
const MOST_RELOADS = 5;
/** Milliseconds before the first reload, and what each of the next ones waits longer. */
const PAUSE_MS = 500;

export interface ReloadPorts {
  /** Ends with the tab. Throws where the browser has none. */
  readonly storage: () => {
    readonly getItem: (key: string) => string | null;
    readonly setItem: (key: string, value: string) => void;
    readonly removeItem: (key: string) => void;
  };
  readonly later: (run: () => void, ms: number) => void;
  readonly reload: () => void;
}

/** Loads a page again in a moment, and gives up after five times in a row. */
export class BoundedReload {
  readonly #ports: ReloadPorts;

  constructor(ports: ReloadPorts) {
    this.#ports = ports;
  }

  begin(): void {
    const { storage, later, reload } = this.#ports;
    try {
      const reloads = Number(storage().getItem(KEY) ?? 0);
      if (reloads >= MOST_RELOADS) return;
      storage().setItem(KEY, String(reloads + 1));
      later(reload, PAUSE_MS * (reloads + 1));
    } catch {
      // Without storage nothing would bound the reloads.
    }
  }

  /** Ends the row: the page works. */
  reset(): void {
    try {
      this.#ports.storage().removeItem(KEY);
    } catch {
      // See above.
    }
  }
}
