import { expect, it } from "vitest";
import { FakeClient, openChat, settle } from "../../../kit/fakes/fake-client.ts";

it("a catch-up does not take the answer of a read that was begun before the subscription was renewed", async () => {
  const { chat, log: store } = openChat();
  const client = await FakeClient.in(chat, "lobby");
  store.store("lobby", { text: "seen" });
  await settle();
  // A read of the same place is under way when the store goes away; what it has is older than the renewal.
  store.down();
  const answerOld = store.pause();
  const overtaken = store.up();
  await settle();
  store.down();
  store.store("lobby", { text: "missed", published: false });
  const renewed = store.up();
  await settle();
  answerOld();
  await Promise.allSettled([overtaken, renewed]);
  await settle();
  expect(client.texts).toEqual(["seen", "missed"]);
});
