import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { startServer } from "../kit/server.ts";
import { openV1 } from "../kit/v1-client.ts";

it("opening, message and closing are logged, with code and reason and without the text [23]", async () => {
  // The router's request id is believed where the router is.
  const server = await startServer({ env: { TRUST_PROXY: "true" } });
  const requestId = randomUUID();
  const client = await openV1(server.wsUrl, { headers: { "x-request-id": requestId } });
  const welcome = await client.hello({ handle: "Ada" });
  await client.join("lobby");
  const { id } = await client.say("lobby", "a private sentence");
  client.connection.socket.close(4000, "gone home");
  const closing = await server.waitForLog((line) => line["event"] === "close", "the close is logged");

  const opening = server.logs().find((line) => line["event"] === "open");
  expect(opening).toMatchObject({ address: expect.stringMatching(/127\.0\.0\.1$/), path: "/ws", requestId });
  const { connection } = opening!;
  expect(connection).toMatch(/./);
  const message = server.logs().find((line) => line["event"] === "message");
  expect(message).toMatchObject({ connection, room: "lobby", id, bytes: expect.any(Number) });
  expect(closing).toMatchObject({ connection, code: 4000, reason: "gone home", ms: expect.any(Number) });

  const everything = server.output().join("\n");
  expect(everything).not.toContain("a private sentence");
  expect(everything).not.toContain(welcome.token);
});

it("every log line is JSON and names the process, each process differently [23]", async () => {
  const servers = await Promise.all([startServer(), startServer()]);
  await Promise.all(servers.map((server) => server.waitForLog((line) => line["event"] === "listening")));
  const instances = servers.map((server) => {
    expect(server.output()).toHaveLength(server.logs().length);
    const names = new Set(server.logs().map((line) => line["instance"]));
    expect(names.size).toBe(1);
    return [...names][0];
  });
  expect(instances[0]).toMatch(/./);
  expect(instances[0]).not.toBe(instances[1]);
});
