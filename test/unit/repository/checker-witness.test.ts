import { describe, expect, it } from "vitest";
import { Findings } from "../../checker/findings.ts";
import { nothingSeen, WireWitness } from "../../checker/wire-witness.ts";

function witness() {
  const findings = new Findings();
  const seen = nothingSeen();
  const wire = new WireWitness("Ann", seen, findings);
  const tell = (...frames: object[]) => {
    for (const frame of frames) wire.received(JSON.stringify(frame));
  };
  const wrongs = () => findings.list.map(({ wrong }) => wrong);
  return { tell, wrongs, seen };
}

function entry(n: number) {
  return { id: `${n}-1`, prev: `${n - 1}-1`, type: "message", room: "lobby", text: "text" };
}

function joined(messages: object[], fields: object = {}) {
  return {
    type: "joined",
    room: "lobby",
    recovered: true,
    head: "3-1",
    messages,
    more: false,
    ref: 1,
    ...fields,
  };
}

describe("what a connection is sent", () => {
  it("may be history, then live, each after the one before", () => {
    const { tell, wrongs } = witness();
    tell(joined([entry(2), entry(3)]), entry(4), entry(5), joined([entry(5)], { head: "5-1" }), entry(6));
    expect(wrongs()).toEqual([]);
  });

  it("may be the oldest of much, and go on live after the head", () => {
    const { tell, wrongs } = witness();
    tell(joined([entry(2), entry(3)], { head: "9-1", more: true }), entry(10));
    expect(wrongs()).toEqual([]);
  });

  it.each([
    ["a hole", [joined([entry(3)]), entry(5)]],
    ["a double", [joined([entry(3)]), entry(4), entry(4)]],
    ["a double of the history", [joined([entry(3)]), entry(3)]],
    ["another order", [joined([entry(3)]), entry(5), entry(4)]],
    ["an entry before the join was answered", [entry(4)]],
    ["a hole in the history", [joined([entry(1), entry(3)])]],
    ["a history that ends before the head", [joined([entry(1), entry(2)])]],
  ])("is no chain with %s", (_case, frames) => {
    const { tell, wrongs } = witness();
    tell(...frames);
    expect(wrongs()).toContain("wire-chain");
  });

  it.each([
    ["a join", joined([entry(3)], { recovered: false })],
    ["a resync by the server itself", joined([entry(3)], { recovered: false, ref: undefined })],
    ["a history", { type: "history", ref: 2, room: "lobby", messages: [], more: false, recovered: false }],
  ])("tells of a gap with %s that is not recovered", (_case, frame) => {
    const { tell, wrongs } = witness();
    tell(frame);
    expect(wrongs()).toEqual(["told-gap"]);
  });

  it("is counted: acks, with the user who got them, and those of known keys", () => {
    const { tell, seen } = witness();
    tell({ type: "welcome", ref: 1, user: { id: "ann" } });
    tell({ type: "ack", ref: 2, room: "lobby", key: "k1", id: "1-1" });
    tell({ type: "ack", ref: 3, room: "lobby", key: "k1", id: "1-1", duplicate: true });
    expect(seen.acks).toEqual([
      { user: "ann", room: "lobby", key: "k1", id: "1-1" },
      { user: "ann", room: "lobby", key: "k1", id: "1-1" },
    ]);
    expect(seen.duplicates).toBe(1);
  });
});
