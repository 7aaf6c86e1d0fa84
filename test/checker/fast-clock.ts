import type { Clock } from "../../src/client/ports.ts";

/** The system's clock, `speed` times as fast: a client that would wait 10 s before it connects again waits 10 s / `speed`. */
export function fastClock(speed: number): Clock {
  const begin = Date.now();
  return {
    now: () => begin + (Date.now() - begin) * speed,
    after: (ms, task) => {
      const timer = setTimeout(task, ms / speed);
      return () => clearTimeout(timer);
    },
  };
}
