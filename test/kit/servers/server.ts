import { freePort } from "../ports.ts";
import { afterwards } from "../vitest/cleanup.ts";
import { within } from "../vitest/wait-for.ts";
import { type Exit, launch, listening, type Server, type ServerOptions, START_MS } from "./program.ts";

export type { Server } from "./program.ts";

/**
 * Starts the program on a free port and fulfils when `/livez` answers. It ends with the test that started it,
 * with the file if that was a hook, and with the test runner, even if that is killed.
 * Rejects with the program's output if it exits instead.
 */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const port = await freePort();
  const server = launch({ ...options, env: { PORT: String(port), ...options.env } }, port);
  afterwards(server.stop);
  await listening(server);
  return server;
}

/** Runs the program without expecting that it listens: for starts that must fail. */
export async function runServer(options: ServerOptions = {}): Promise<Exit & { output: readonly string[] }> {
  const server = launch(options, 0);
  afterwards(server.stop);
  const exit = await within(server.exit, "the server exits by itself", START_MS);
  return { ...exit, output: server.output() };
}
