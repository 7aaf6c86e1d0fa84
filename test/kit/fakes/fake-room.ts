import { expect } from "vitest";
import { expectUnbroken } from "../chain.ts";
import { FakeClient, messagesOf, openChat } from "./fake-client.ts";

/** A room with some history and some members, and what was asked of the store so far forgotten. */
export async function inRoom(members = 2, history = 3) {
  const { chat, log: store, logger } = openChat();
  store.fill("lobby", history);
  const clients = await Promise.all(Array.from({ length: members }, () => FakeClient.in(chat, "lobby")));
  const [ann, ben] = clients;
  if (ann === undefined || ben === undefined) throw new Error("two members at least");
  store.calls.length = 0;
  return { chat, log: store, logger, ann, ben, clients };
}

/** The live messages per client was sent. */
export function linked(client: FakeClient): { id: string; prev: string }[] {
  return client.connection
    .framesOf("message")
    .map((frame) => ({ id: String(frame["id"]), prev: String(frame["prev"]) }));
}

/** What is said of the room is one chain: the answer to the join, then the live messages. */
export function expectSeamless(client: FakeClient, head: string): void {
  const frames = client.connection.frames;
  const joined = frames.find(({ type }) => type === "joined");
  if (joined === undefined) throw new Error("did not get in");
  const all = [...messagesOf(joined), ...linked(client)];
  expectUnbroken(all);
  expect(all.at(-1)?.id).toBe(head);
}
