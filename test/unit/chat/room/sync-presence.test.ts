import { describe, expect, it, vi } from "vitest";
import { FakeClient, openChat } from "../../../kit/fakes/fake-client.ts";
import type { FakeStore } from "../../../kit/fakes/fake-store.ts";

function tell(store: FakeStore, hint: object): void {
  store.publish("lobby", Buffer.from(JSON.stringify({ instance: "elsewhere", ...hint })));
}

/** Runs something once, between the request of a presence sync and its answer, which does not include it. */
function duringTheRollCall(store: FakeStore, happens: () => void): void {
  const call = store.syncPresence.bind(store);
  vi.spyOn(store, "syncPresence").mockImplementationOnce(async (room, here) => {
    const answer = await call(room, here);
    happens();
    return answer;
  });
}

function people(client: FakeClient): string[] {
  const joined = client.connection.framesOf("joined").at(-1);
  const { users } = (joined?.["present"] ?? { users: [] }) as { users: { id: string }[] };
  return users.map(({ id }) => id);
}

describe("a presence sync", () => {
  it("does not remove users whom an opening room was told of meanwhile", async () => {
    const { chat, log: store } = openChat();
    duringTheRollCall(store, () => tell(store, { type: "enter", person: { id: "ben", handle: "Ben" } }));
    const ann = await FakeClient.in(chat, "lobby", {}, "Ann");
    await ann.ask({ type: "join", room: "lobby" });
    expect(people(ann)).toContain("ben");
  });

  it("does not bring back users who left meanwhile", async () => {
    const { chat, log: store } = openChat();
    store.elsewhere.set("lobby", [{ id: "ben", handle: "Ben", instances: ["elsewhere"] }]);
    duringTheRollCall(store, () => tell(store, { type: "exit", user: "ben" }));
    const ann = await FakeClient.in(chat, "lobby", {}, "Ann");
    await ann.ask({ type: "join", room: "lobby" });
    expect(people(ann)).not.toContain("ben");
  });

  it("keeps users whom a room that catches up was told of meanwhile", async () => {
    const { chat, log: store } = openChat();
    const ann = await FakeClient.in(chat, "lobby", {}, "Ann");
    const answer = store.pause();
    store.store("lobby", { published: false });
    store.store("lobby");
    tell(store, { type: "enter", person: { id: "ben", handle: "Ben" } });
    answer();
    await ann.ask({ type: "join", room: "lobby" });
    expect(people(ann)).toContain("ben");
  });
});
