type Listeners<M> = { [K in keyof M]?: Set<(value: M[K]) => void> };

/** Listeners by event name; `M` maps each name to what its listeners are given. */
export class Events<M> {
  readonly #listeners: Listeners<M> = {};

  /** Returns the function that takes the listener off again. */
  on<K extends keyof M>(name: K, listener: (value: M[K]) => void): () => void {
    const listeners: Set<(value: M[K]) => void> = this.#listeners[name] ?? new Set();
    this.#listeners[name] = listeners;
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** A listener that throws harms neither the others nor the caller; its error is raised on its own. */
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
