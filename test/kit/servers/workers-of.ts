import { waitFor } from "../vitest/wait-for.ts";
import { START_MS } from "./program.ts";
import type { Server } from "./server.ts";

/** The workers of a dyno that listen by now, the oldest first. */
export function listeningPids(server: Server): number[] {
  return server.logs().flatMap((line) => (line["event"] === "listening" ? [Number(line["pid"])] : []));
}

/** Waits until two workers take clients: `/readyz` is answered by one of them, and a client may come to the other. */
export async function twoWorkersReady(server: Server): Promise<void> {
  await waitFor(() => listeningPids(server).length === 2, "two workers listen", START_MS);
  await waitFor(() => liveLogs(server) === 2, "two workers have their log", START_MS);
}

function liveLogs(server: Server): number {
  return server.logs().filter(({ event, state }) => event === "log-status" && state === "live").length;
}
