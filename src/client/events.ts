type Listeners<M> = { [K in keyof M]?: Set<(value: M[K]) => void> };

/** Listeners by event name; `M` maps each name to the value that its listeners get. */
export class Events<M> {
  readonly #listeners: Listeners<M> = {};

  /** Adds a listener. Returns the function that removes it. */
  on<K extends keyof M>(name: K, listener: (value: M[K]) => void): () => void {
    const listeners: Set<(value: M[K]) => void> = this.#listeners[name] ?? new Set();
    this.#listeners[name] = listeners;
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /**
   * Calls the listeners. An error of a listener affects neither the others nor the caller; it is thrown in a
   * task of its own.
   */
  emit<K extends keyof M>(name: K, value: M[K]): void {
    for (const listener of this.#listeners[name] ?? []) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
