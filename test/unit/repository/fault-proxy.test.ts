import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { FaultProxy } from "../../kit/servers/fault-proxy.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";
import { waitFor } from "../../kit/vitest/wait-for.ts";

const SEND = `${"x".repeat(100)}\n`;

/** A client and a server with a proxy between them, and what each has heard. */
async function connection() {
  const arrivals: Socket[] = [];
  const server = createServer((socket) => arrivals.push(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy = await FaultProxy.open(() => (server.address() as AddressInfo).port);
  const outside = connect(proxy.port, "127.0.0.1");
  afterwards(async () => {
    await proxy.close();
    outside.destroy();
    server.close();
  });
  const inside = await waitFor(() => arrivals[0], "the connection is led on");
  const passage = await waitFor(() => proxy.passages[0], "the proxy has it");
  return { proxy, passage, outside: new End(outside), inside: new End(inside) };
}

/** One end: what it heard, and whether it was told of the end. */
class End {
  readonly socket: Socket;
  heard = "";
  closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes) => {
      this.heard += bytes.toString();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.closed = true;
    });
  }
}

describe("the fault proxy", () => {
  it("passes bytes both ways until it is told otherwise", async () => {
    const { outside, inside } = await connection();
    outside.socket.write("there");
    await waitFor(() => inside.heard === "there", "there");
    inside.socket.write("back");
    await waitFor(() => outside.heard === "back", "back");
  });

  it("tells one end when the other one goes", async () => {
    const { proxy, outside, inside } = await connection();
    outside.socket.end();
    await waitFor(() => inside.closed && proxy.passages.length === 0, "the other end is told");
  });

  it("cuts both ends at once", async () => {
    const { passage, outside, inside } = await connection();
    passage.cut();
    await waitFor(() => outside.closed && inside.closed, "both are told");
  });

  it("lets nothing through a stalled connection, not even its end, until it resumes", async () => {
    const { passage, outside, inside } = await connection();
    passage.stall();
    outside.socket.end("late");
    // Another connection of the same proxy shows that time enough has passed.
    const other = await connection();
    other.outside.socket.write("x");
    await waitFor(() => other.inside.heard === "x", "another connection works");
    expect([inside.heard, inside.closed]).toEqual(["", false]);
    passage.resume();
    await waitFor(() => inside.heard === "late" && inside.closed, "everything came after all");
  });

  it("keeps the order of what it delays", async () => {
    const { passage, outside, inside } = await connection();
    passage.delay(50);
    outside.socket.write("first ");
    await new Promise((resolve) => setImmediate(resolve));
    passage.delay(0);
    outside.socket.write("second");
    await waitFor(() => inside.heard === "first second", "both in order");
  });

  it("loses the answer to the next send, which arrives", async () => {
    const { passage, outside, inside } = await connection();
    inside.socket.on("data", () => inside.socket.write("answer"));
    passage.cutAfterSend();
    outside.socket.write("pong");
    await waitFor(() => outside.heard === "answer", "what is shorter than a send changes nothing");
    outside.socket.write(SEND);
    await waitFor(() => outside.closed && inside.closed, "both are told");
    expect([inside.heard, outside.heard]).toEqual([`pong${SEND}`, "answer"]);
  });

  it("delivers a send when its sender was told long ago that the connection is gone", async () => {
    // The delay ends when the test says so, however late it sees what comes before.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    afterwards(() => vi.useRealTimers());
    const { passage, outside, inside } = await connection();
    passage.deliverLate(100);
    outside.socket.write(SEND);
    await waitFor(() => outside.closed, "the sender is told");
    expect([inside.heard, inside.closed]).toEqual(["", false]);
    vi.advanceTimersByTime(100);
    await waitFor(() => inside.heard === SEND && inside.closed, "the send arrives, then the end");
  });

  it("ends what goes on when it is healed", async () => {
    const { passage, outside, inside } = await connection();
    passage.cutAfterSend();
    passage.heal();
    outside.socket.write(SEND);
    await waitFor(() => inside.heard === SEND, "the send arrives");
    inside.socket.write("answer");
    await waitFor(() => outside.heard === "answer", "so does its answer");
    passage.stall();
    passage.heal();
    await waitFor(() => outside.closed && inside.closed, "what was stalled is cut");
  });
});
