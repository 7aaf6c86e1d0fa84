import type { ConnectCall, Connected } from "./generator/calls.ts";
import type { RunningSystem } from "./running-system.ts";

/** Connections that all generators together open at a time. */
const PARALLEL = 64;

/** Divides a number into the generators' shares. */
export function shares(total: number, parts: number): readonly number[] {
  return Array.from({ length: parts }, (_, index) => Math.floor((total + index) / parts));
}

/**
 * Returns when a generator begins, µs of the monotonic clock, so that the messages of all generators
 * together, `rate` per second, are evenly spaced. If all began at the same time, they would send at the same
 * instants.
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
