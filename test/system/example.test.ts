import { spawn } from "node:child_process";
import { expect, it } from "vitest";
import { openLibraryClient, shownBy } from "../kit/clients/library-client.ts";
import { ROOT, START_MS } from "../kit/servers/program.ts";
import { startServer } from "../kit/servers/server.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

it("the example of a client in Node answers in its room", async () => {
  const server = await startServer();
  const arguments_ = ["--import", "tsx", "examples/echo.ts", `${server.wsUrl}/ws`, "lobby"];
  const example = spawn(process.execPath, arguments_, { cwd: ROOT, stdio: "ignore" });
  afterwards(() => example.kill());
  const room = await openLibraryClient(server.wsUrl, "lobby");
  await waitFor(
    () => room.people.users.some((person) => person.handle === "Echo"),
    "the example is here",
    START_MS,
  );
  room.send("echo hello");
  await waitFor(() => shownBy(room).length === 2, "it answers");
  expect(shownBy(room)).toEqual(["echo hello", "hello"]);
});
