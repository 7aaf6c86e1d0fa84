import { expect, it } from "vitest";
import type { Room } from "../../../src/client/room/room.ts";
import { joined, joinedClient, messages, reconnect } from "../../kit/clients/connected-client.ts";

function texts(room: Room): string[] {
  return room.messages.map((message) => (message.gap === "none" ? "" : "gap, ") + message.text);
}

/** The store continues after 3 with other messages than the two that are shown; the ids do not tell which. */
function forked() {
  const made = joinedClient([...messages(1, 3), ...messages(4, 5, { text: "lost" })]);
  const resets: unknown[] = [];
  made.room.on("reset", () => resets.push("reset"));
  const socket = reconnect(made);
  const rest = (from: number, to: number) =>
    messages(from, to).map((one) => ({
      ...one,
      id: one.id.replace("-0", "-7"),
      prev: one.prev === "3-0" ? "3-0" : one.prev.replace("-0", "-7"),
      text: "other",
    }));
  joined(socket, { recovered: false, messages: rest(8, 9), more: true });
  resets.length = 0;
  return { ...made, socket, rest, resets };
}

it("withdraws what the store does not have as soon as a page shows it, however many messages came since", async () => {
  const { room, socket, rest, resets } = forked();
  expect(texts(room)).toEqual(["text 1", "text 2", "text 3", "lost", "lost", "gap, other", "other"]);
  const page = room.loadOlder("8-7");
  const { ref } = socket.last("history");
  socket.deliver({
    type: "history",
    ref,
    room: "lobby",
    messages: [...messages(2, 3), ...rest(4, 7)],
    more: true,
  });
  await page;
  expect(texts(room)).toEqual(["text 1", "text 2", "text 3", ...Array(6).fill("other")]);
  expect(resets).toEqual(["reset"]);
});

it("withdraws everything where the page reaches the beginning of another log", async () => {
  const { room, socket, rest, resets } = forked();
  const [first, ...others] = rest(5, 7);
  const page = room.loadOlder("8-7");
  const { ref } = socket.last("history");
  const all = [{ ...first!, prev: "0-0" }, ...others];
  socket.deliver({ type: "history", ref, room: "lobby", messages: all, more: false });
  expect(await page).toBe("end");
  expect(texts(room)).toEqual(Array(5).fill("other"));
  expect(resets).toEqual(["reset"]);
});

it("keeps what is older than the page", async () => {
  const { room, socket, rest, resets } = forked();
  const page = room.loadOlder("8-7");
  const { ref } = socket.last("history");
  socket.deliver({ type: "history", ref, room: "lobby", messages: rest(6, 7), more: true });
  await page;
  expect(texts(room).slice(0, 3)).toEqual(["text 1", "text 2", "text 3"]);
  expect(texts(room)[5]).toBe("gap, other");
  expect(resets).toEqual([]);
});

it("tells a stream that began anew from a new room and from a gap", () => {
  const fresh = joinedClient(messages(1, 3));
  expect(fresh.room.wasReset).toBe(false);
  const gap = reconnect(fresh);
  joined(gap, { recovered: false, messages: messages(8, 9), more: true });
  expect(fresh.room.wasReset).toBe(false);
  const anew = reconnect(fresh);
  const [first, ...others] = messages(20, 21);
  joined(anew, { recovered: false, messages: [{ ...first!, prev: "0-0" }, ...others], more: false });
  expect(texts(fresh.room)).toHaveLength(2);
  expect(fresh.room.wasReset).toBe(true);
});
