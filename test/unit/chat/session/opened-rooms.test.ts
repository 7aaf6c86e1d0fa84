import { describe, expect, it } from "vitest";
import { OpenedRooms, type Opener, TooManyRooms } from "../../../../src/chat/session/opened-rooms.ts";

const agent: Opener = { network: "192.0.2.1", identity: { kind: "site", user: "s-agent" } };
const customer: Opener = { network: "192.0.2.2", identity: { kind: "guest", user: "gcustomer" } };

function open() {
  const rooms = new OpenedRooms({ maxRoomsPerAddress: 0, maxRoomsPerUser: 2, programFactor: 1 });
  rooms.open("one", agent);
  rooms.open("two", agent);
  return rooms;
}

describe("the open rooms of a user", () => {
  it("are bounded, and fewer when one is closed", () => {
    const rooms = open();
    expect(() => rooms.open("three", agent)).toThrow(TooManyRooms);
    rooms.closed("one");
    expect(() => rooms.open("three", agent)).not.toThrow();
  });

  it("count for somebody else who is there when the user has left", () => {
    const rooms = open();
    rooms.handOver("one", customer, agent);
    expect(() => rooms.open("three", agent)).toThrow(TooManyRooms);
    rooms.handOver("one", agent, customer);
    expect(() => rooms.open("three", agent)).not.toThrow();
    expect(() => rooms.open("four", agent)).toThrow(TooManyRooms);
    rooms.closed("one");
    expect(() => rooms.open("four", agent)).toThrow(TooManyRooms);
  });
});
