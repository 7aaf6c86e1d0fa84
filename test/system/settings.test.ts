import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { connectPlain } from "../kit/clients/plain-client.ts";
import { procfileCommand } from "../kit/servers/program.ts";
import { runServer, startServer } from "../kit/servers/server.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";

async function folderWith(dotenv: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "dynochat-env-"));
  afterwards(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, ".env"), dotenv);
  return folder;
}

describe("the start", () => {
  it("ends with exit code 1 and one line that names a bad PORT", async () => {
    for (const PORT of ["http", "70000", "-1"]) {
      const { code, output } = await runServer({ env: { PORT } });
      expect(code).toBe(1);
      expect(output).toHaveLength(1);
      expect(output[0]).toContain("PORT");
      expect(output[0]).toContain(PORT);
      expect(output[0]).toContain("65535");
    }
  });

  it("listens on the PORT of the environment", async () => {
    const server = await startServer();
    expect((await fetch(`http://127.0.0.1:${server.port}/livez`)).status).toBe(200);
  });

  it("ends with exit code 1 and one line when the port is taken", async () => {
    const { port } = await startServer();
    const { code, output } = await runServer({ env: { PORT: String(port) } });
    expect(code).toBe(1);
    expect(output.at(-1)).toContain(String(port));
  });

  it("never repeats a secret that is not accepted", async () => {
    const { code, output } = await runServer({ env: { REDIS_URL: "http://user:hunter2@host" } });
    expect(code).toBe(1);
    expect(output.join()).toContain("REDIS_URL");
    expect(output.join()).not.toContain("hunter2");
  });

  it("is what the Procfile's web line says", async () => {
    expect(procfileCommand()).toMatch(/^node (--\S+ )*\S*dist\/main\.js$/);
    const server = await startServer();
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
  });
});

describe("a .env file", () => {
  it("is read on one's own machine, and the real environment wins", async () => {
    const cwd = await folderWith("GREETING=from the file\nDEFAULT_ROOM=file-room\n");
    const { wsUrl } = await startServer({ cwd, env: { NODE_ENV: undefined, DEFAULT_ROOM: "real-room" } });
    const client = await connectPlain(wsUrl);
    await client.waitFor((frame) => frame["text"] === "from the file", "the file's greeting");
    client.send({ text: "where am I?" });
    const message = await client.waitFor((frame) => frame["text"] === "where am I?");
    expect(message["room"]).toBe("real-room");
  });

  it("is not read in production", async () => {
    const cwd = await folderWith("PORT=nonsense\nDEFAULT_ROOM=-\n");
    const { url } = await startServer({ cwd, env: { NODE_ENV: "production" } });
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });

  it("ends the start too when it is wrong", async () => {
    const cwd = await folderWith("DEFAULT_ROOM=-\n");
    const { code, output } = await runServer({ cwd, env: { NODE_ENV: undefined, PORT: "0" } });
    expect(code).toBe(1);
    expect(output.join()).toContain("DEFAULT_ROOM");
  });
});
