import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { freePort } from "../kit/ports.ts";
import { ROOT } from "../kit/servers/program.ts";
import { startServer } from "../kit/servers/server.ts";

const run = promisify(execFile);

/** The command of the Dockerfile's HEALTHCHECK, as Docker would run it. */
async function healthCommand(): Promise<readonly [string, ...string[]]> {
  const text = await readFile(`${ROOT}Dockerfile`, "utf8");
  return JSON.parse(/HEALTHCHECK[^[]*(\[.*\])$/m.exec(text)?.[1] ?? "");
}

it("the container's health check says healthy of a process that runs, and unhealthy where none does", async () => {
  const [program, ...args] = await healthCommand();
  const check = (port: number) => run(program, args, { env: { ...process.env, PORT: String(port) } });
  const { port } = await startServer();
  await expect(check(port)).resolves.toBeDefined();
  await expect(check(await freePort())).rejects.toMatchObject({ code: 1 });
});
