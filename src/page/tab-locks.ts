import type { TabLocks } from "./unsent.ts";

/** Until the tab ends. */
const forEver = new Promise<void>(() => undefined);

/** The browser's Web Locks; undefined where there are none, as on plain http. */
export function webLocks(): TabLocks | undefined {
  // Only there in secure contexts, whatever the types say.
  if (!("locks" in navigator)) return undefined;
  const { locks } = navigator;
  return {
    hold: (name, waitMs) =>
      new Promise((resolve) => {
        const granted = () => {
          resolve(true);
          return forEver;
        };
        locks.request(name, { signal: AbortSignal.timeout(waitMs) }, granted).catch(() => resolve(false));
      }),
    isHeld: async (name) => (await locks.query()).held?.some((lock) => lock.name === name) ?? false,
    alone: async (name, task) => {
      await locks.request(name, task);
    },
  };
}
