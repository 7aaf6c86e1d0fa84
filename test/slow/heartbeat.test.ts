import { beforeAll, describe, expect, it } from "vitest";
import { connectPlain } from "../kit/clients/plain-client.ts";
import { connectV1, type V1Client } from "../kit/clients/v1-client.ts";
import { type Server, startServer } from "../kit/servers/server.ts";
import { waitFor, within } from "../kit/vitest/wait-for.ts";

/**
 * A client that answers no ping is closed after nine seconds, so a machine that stalls for less closes no
 * other client.
 */
const PING_SECONDS = 3;
const CLOSED_MS = 30_000;

let server: Server;
/** Pings far apart, so that no client is closed for a missing pong. */
let patient: Server;
beforeAll(async () => {
  const start = (seconds: number) =>
    startServer({ env: { PING_SECONDS: String(seconds), MESSAGES_PER_SECOND: "0" } });
  [server, patient] = await Promise.all([start(PING_SECONDS), start(50)]);
});

describe("a connection", () => {
  it("is pinged, and closed with 4408 when it answers no ping, without effect on others", async () => {
    const lively = await connectV1(server.wsUrl, { room: "lobby" });
    const plain = await connectPlain(server.wsUrl, { path: "/" });
    let pings = 0;
    lively.connection.socket.on("ping", () => {
      pings++;
    });
    const frozen = await connectV1(server.wsUrl, { room: "lobby", autoPong: false });
    expect(await within(frozen.closed, "the frozen peer is closed", CLOSED_MS)).toMatchObject({ code: 4408 });
    await waitFor(() => pings >= 3, "three pings", CLOSED_MS);
    await lively.say("lobby", "still here");
    await plain.waitFor((frame) => frame["text"] === "still here");
  });

  it("that breaks without a word is dropped, and the others go on", async () => {
    const room = "broken";
    const breaks = await connectV1(patient.wsUrl, { room, handle: "Breaks" });
    const stays = await connectV1(patient.wsUrl, { room, handle: "Stays" });
    // Who comes and goes between two presence frames is in neither: it must have been seen before it leaves.
    await waitFor(() => sees(stays, "Breaks"), "Breaks is seen");
    breaks.terminate();
    await patient.waitForLog(
      (line) => line["event"] === "close" && line["code"] === 1006,
      "a close with 1006",
    );
    await stays.waitFor(
      (frame) => frame.type === "presence" && frame.count === 1 && (frame.left ?? []).length > 0,
      "Breaks is seen leaving",
    );
    await stays.say(room, "still here");
    await stays.waitForText("still here");
  });

  it("that does not read is closed with 4408, and the others miss nothing", async () => {
    const room = "slow";
    const [sender, reader, stalled] = await Promise.all([
      connectV1(patient.wsUrl, { room }),
      connectV1(patient.wsUrl, { room }),
      connectV1(patient.wsUrl, { room }),
    ]);
    stalled.connection.socket.pause();
    // 20 MB: more than the kernel's buffers on both ends (10 MB at most) and the waterline of 1 MiB.
    const total = 2_500;
    const text = "\u{1F4AC}".repeat(1990);
    for (let sent = 0; sent < total; sent += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, n) => sender.say(room, `${sent + n} ${text}`)));
    }
    await patient.waitForLog(
      (line) => line["event"] === "close" && line["code"] === 4408 && line["reason"] === "too slow a reader",
      "the slow reader is given up",
    );
    await waitFor(() => reader.messages(room).length === total, "the reader has all messages");
  });
});

/** Returns whether a client was told that a user with that handle is in its room. */
function sees(client: V1Client, handle: string): boolean {
  return client.frames.some((frame) => {
    const people =
      frame.type === "joined" ? frame.present.users : frame.type === "presence" ? frame.joined : [];
    return (people ?? []).some((person) => person.handle === handle);
  });
}
