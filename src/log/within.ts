import { LogUnavailable } from "./log.ts";

/**
 * The outcome of `work` if it comes within `ms`; otherwise rejects with LogUnavailable. `work` itself
 * goes on and its late outcome is ignored.
 */
export function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let turn: NodeJS.Immediate | undefined;
    // After this process itself was held up, timers run before the replies that wait in the sockets are
    // read; one more turn of the event loop reads them.
    const timer = setTimeout(() => {
      turn = setImmediate(() => reject(new LogUnavailable("no answer in time")));
    }, ms);
    const settled = () => {
      clearTimeout(timer);
      clearImmediate(turn);
    };
    work.then(
      (value) => {
        settled();
        resolve(value);
      },
      (error: unknown) => {
        settled();
        reject(error);
      },
    );
  });
}
