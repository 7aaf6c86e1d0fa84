import { expect, it } from "vitest";
import { FakeClient, openChat, settle } from "../../../kit/fakes/fake-client.ts";

it("a catch-up does not take the answer of a read that was begun before the subscription was renewed", async () => {
  const { chat, log } = openChat();
  const client = await FakeClient.in(chat, "lobby");
  log.store("lobby", { text: "seen" });
  await settle();
  // A read of the same place is under way when the log goes away; what it has is older than the renewal.
  log.down();
  const answerOld = log.pause();
  const overtaken = log.up();
  await settle();
  log.down();
  log.store("lobby", { text: "missed", published: false });
  const renewed = log.up();
  await settle();
  answerOld();
  await Promise.allSettled([overtaken, renewed]);
  await settle();
  expect(client.texts).toEqual(["seen", "missed"]);
});
