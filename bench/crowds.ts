import type { ConnectCall, Connected } from "./generator/calls.ts";
import type { RunningSystem } from "./running-system.ts";

/** Connections that all generators together make at once. */
const PARALLEL = 64;

/** Divides a number into the generators' shares. */
export function shares(total: number, parts: number): readonly number[] {
  return Array.from({ length: parts }, (_, index) => Math.floor((total + index) / parts));
}

/**
 * When a generator begins, µs of the monotonic clock, so that all together, which send `rate` messages per second, are as even as each
 * is: from one instant on, each message would have a twin.
 */
export function inTurn(startAt: number, generator: number, rate: number): number {
  return startAt + (generator * 1e6) / rate;
}

/** Connects a crowd over all generators. Rejects if one client did not become ready. */
export async function gather(
  running: RunningSystem,
  sockets: number,
  options: Partial<Pick<ConnectCall, "rooms" | "after" | "parallel">> = {},
): Promise<Omit<Connected, "failed">> {
  const { generators, targets, system } = running;
  const parts = shares(sockets, generators.length);
  const connected = await Promise.all(
    generators.map((generator, index) =>
      generator.connect({
        dialect: system.dialect,
        targets,
        sockets: parts[index] ?? 0,
        rooms: options.rooms ?? 1,
        parallel: options.parallel ?? PARALLEL / generators.length,
        after: options.after,
      }),
    ),
  );
  const failed = connected.reduce((total, each) => total + each.failed, 0);
  if (failed > 0) throw new Error(`${failed} of ${sockets} clients of ${system.name} did not become ready`);
  return {
    ms: Math.max(...connected.map(({ ms }) => ms)),
    recovered: connected.reduce((total, each) => total + each.recovered, 0),
  };
}
