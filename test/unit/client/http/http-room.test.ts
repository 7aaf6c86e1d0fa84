import { describe, expect, it } from "vitest";
import type { Fields } from "../../../../src/client/http/http-calls.ts";
import { HttpRoom } from "../../../../src/client/http/http-room.ts";

const ANN = { id: "ann", handle: "Ann" };
const BOB = { id: "bob", handle: "Bob" };

function present(...users: object[]): Fields {
  return { head: "9-9", present: { count: users.length, users }, handle: "Ann" };
}

function open() {
  const told: Fields[] = [];
  const room = new HttpRoom("lobby", (frame) => told.push(frame));
  return { told, room };
}

describe("a room that comes by an event stream", () => {
  it("answers a join with the page that was read and what the stream brought since, once everything has come", () => {
    const { told, room } = open();
    room.joins(7, { messages: [{ id: "1-1" }], more: true }, true, "1-1");
    expect(room.query).toBe("lobby@1-1");
    room.entry({ id: "2-2" });
    expect(told).toEqual([]);
    room.joined(present(ANN));
    const messages = [{ id: "1-1" }, { id: "2-2" }];
    const answer = { type: "joined", ref: 7, room: "lobby", recovered: true, more: true, messages };
    expect(told).toEqual([{ ...answer, ...present(ANN) }]);
    room.entry({ id: "10-1" });
    expect(told[1]).toEqual({ id: "10-1" });
    expect(room.query).toBe("lobby@10-1");
  });

  it("is the server's own joined, without a ref, where the store turned out to be another one", () => {
    const { told, room } = open();
    room.joins(7, { messages: [], more: false }, true, "0-0");
    room.joined(present(ANN));
    room.reset();
    room.entry({ id: "3-3" });
    room.joined(present(ANN));
    expect(told).toHaveLength(2);
    expect(told[1]).toMatchObject({ type: "joined", recovered: false, messages: [{ id: "3-3" }] });
    expect(told[1]).not.toHaveProperty("ref");
  });

  it("answers the join that was under way where the stream could not go on from its page", () => {
    const { told, room } = open();
    room.joins(7, { messages: [{ id: "1-1" }], more: false }, true, "1-1");
    room.reset();
    room.entry({ id: "3-3" });
    room.joined(present(ANN));
    expect(told).toEqual([expect.objectContaining({ ref: 7, recovered: false, messages: [{ id: "3-3" }] })]);
  });

  it("tells after a change of streams who came and who left between the two", () => {
    const { told, room } = open();
    room.joins(7, { messages: [], more: false }, true, "0-0");
    room.joined(present(ANN, BOB));
    room.presence({ type: "presence", count: 3, joined: [{ id: "cid", handle: "Cid" }], left: [] });
    room.joined(present(ANN));
    expect(told.at(-1)).toEqual({
      type: "presence",
      room: "lobby",
      count: 1,
      joined: [ANN],
      left: ["bob", "cid"],
    });
  });
});
