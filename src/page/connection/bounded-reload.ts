const KEY = "dynochat.reloads";
/** Consecutive reloads of one tab at most. */
const MOST_RELOADS = 5;
/**
 * Milliseconds before the first reload. Each further reload waits this much longer than the one before it.
 */
const PAUSE_MS = 500;

export interface ReloadPorts {
  /** Storage that ends with the tab. Throws where the browser has none. */
  readonly storage: () => {
    readonly getItem: (key: string) => string | null;
    readonly setItem: (key: string, value: string) => void;
    readonly removeItem: (key: string) => void;
  };
  readonly later: (run: () => void, ms: number) => void;
  readonly reload: () => void;
}

/** Reloads a page after a pause, and gives up after five consecutive reloads. */
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
      // Without storage nothing would limit the reloads, so there is none.
    }
  }

  /** Resets the count of consecutive reloads: the page works. */
  reset(): void {
    try {
      this.#ports.storage().removeItem(KEY);
    } catch {
      // Without storage there is no count to reset.
    }
  }
}
