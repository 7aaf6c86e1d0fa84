import type { TabLocks } from "./unsent.ts";

/** Returns the browser's Web Locks; undefined if there are none, as on plain http. */
export function webLocks(): TabLocks | undefined {
  // Defined in secure contexts only, whatever the types say.
  if (!("locks" in navigator)) return undefined;
  const { locks } = navigator;
  const held = new Map<string, () => void>();
  return {
    hold: (name, waitMs) =>
      new Promise((resolve) => {
        const granted = () => {
          resolve(true);
          return new Promise<void>((release) => held.set(name, release));
        };
        locks.request(name, { signal: AbortSignal.timeout(waitMs) }, granted).catch(() => resolve(false));
      }),
    release: (name) => {
      held.get(name)?.();
      held.delete(name);
    },
    isHeld: async (name) => (await locks.query()).held?.some((lock) => lock.name === name) ?? false,
    // Shared, so that tabs that wait for the same lock do not wait for each other.
    released: async (name) => {
      await locks.request(name, { mode: "shared" }, () => undefined);
    },
    alone: async (name, task) => {
      await locks.request(name, task);
    },
  };
}
