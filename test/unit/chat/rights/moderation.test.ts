import { describe, expect, it } from "vitest";
import { guestIdentity } from "../../../../src/chat/identity.ts";
import { type Moderator, RULES_LISTED } from "../../../../src/chat/rights/moderation.ts";
import { readRoomRights } from "../../../../src/chat/rights/room-rights.ts";
import type { Right } from "../../../../src/protocol/rights.ts";
import { ALL_ROOMS } from "../../../../src/store/access.ts";
import { FakeClient, openChat } from "../../../kit/fakes/fake-client.ts";

function moderator(base: Right = "moderate", kind: "site" | "program" = "site"): Moderator {
  return { identity: { ...guestIdentity("s-mo"), kind }, base, network: "192.0.2.1" };
}

describe("a moderator", () => {
  it.each(["none", "read", "write"] as const)("is nobody whose right is %s", async (base) => {
    const { chat, log: store } = openChat();
    for (const refused of [
      chat.moderation.change(moderator(base), "lobby", { user: "ann", right: "none" }),
      chat.moderation.recheck(moderator(base), "lobby", "ann"),
      chat.moderation.list(moderator(base), "lobby", undefined),
    ])
      expect(await refused).toMatchObject({ ok: false, error: { code: "forbidden" } });
    expect(store.entries("lobby")).toEqual([]);
  });

  it("whom a program shut out moderates no more, and one whom another moderator shut out does", async () => {
    const { chat } = openChat();
    const change = (by: Moderator) => chat.moderation.change(by, "lobby", { user: "s-mo", right: "none" });
    expect(await change(moderator())).toMatchObject({ ok: true });
    expect(await change(moderator("moderate", "program"))).toMatchObject({ ok: true });
    expect(await change(moderator())).toMatchObject({ ok: false, error: { code: "forbidden" } });
  });

  it("of all rooms who was banned from all of them by a program moderates none, and takes nothing back", async () => {
    const { chat } = openChat();
    await chat.catchUp();
    const rooms = readRoomRights({ "*": "moderate" });
    const mo = { ...moderator(), identity: { ...moderator().identity, rooms } };
    const desk = {
      ...moderator("moderate", "program"),
      identity: { ...moderator("moderate", "program").identity, user: "p-desk", rooms },
    };
    expect(await chat.moderation.change(mo, ALL_ROOMS, { user: "ann", right: "none" })).toMatchObject({
      ok: true,
    });
    expect(await chat.moderation.change(desk, ALL_ROOMS, { user: "s-mo", right: "none" })).toMatchObject({
      ok: true,
    });
    for (const refused of [
      chat.moderation.change(mo, ALL_ROOMS, { user: "s-mo", right: "default" }),
      chat.moderation.signOut(mo, { user: "s-ben" }),
      chat.moderation.list(mo, ALL_ROOMS, undefined),
    ])
      expect(await refused).toMatchObject({ ok: false, error: { code: "forbidden" } });
  });

  it("lifts no rule by a milder one, or one that ends earlier, and softens it after taking it back", async () => {
    const { chat } = openChat();
    const change = (right: "none" | "read" | "default", seconds?: number) =>
      chat.moderation.change(moderator(), "lobby", { user: "ann", right, seconds });
    const MILDER = {
      ok: false,
      error: { code: "bad-request", message: expect.stringContaining("take it back") },
    };
    expect(await change("none")).toMatchObject({ ok: true });
    expect(await change("read", 600)).toMatchObject(MILDER);
    expect(await change("none", 600)).toMatchObject(MILDER);
    expect(await change("none")).toMatchObject({ ok: true });
    expect(await change("default")).toMatchObject({ ok: true });
    expect(await change("read", 600)).toMatchObject({ ok: true });
    expect(await change("read", 1_200)).toMatchObject({ ok: true });
  });

  it("does not loosen a program's rule by repeating it", async () => {
    const { chat, log: store } = openChat();
    const change = (by: Moderator, right: "none" | "default") =>
      chat.moderation.change(by, "lobby", { user: "s-eve", right });
    expect(await change(moderator("moderate", "program"), "none")).toMatchObject({ ok: true });
    for (const right of ["none", "default"] as const)
      expect(await change(moderator(), right)).toMatchObject({ error: { code: "forbidden" } });
    expect(store.access.of("s-eve")).toMatchObject({ bindsModerators: true });
    expect(await change(moderator("moderate", "program"), "default")).toMatchObject({ ok: true });
  });

  it("takes a sign-out back", async () => {
    const { chat, log: store } = openChat();
    await chat.catchUp();
    const rooms = readRoomRights({ "*": "moderate" });
    const mo = { ...moderator(), identity: { ...moderator().identity, rooms } };
    const ann = { ...guestIdentity("s-ann"), kind: "site" as const };
    await chat.moderation.signOut(mo, { user: "s-ann" });
    expect(chat.globalRules.isSignedOut(ann)).toBe(true);
    await chat.moderation.signOut(mo, { user: "s-ann", undo: true });
    expect(chat.globalRules.isSignedOut(ann)).toBe(false);
    expect(store.globalAccess.rules).toEqual([]);
  });

  it("that is a program and locks a room may open it again", async () => {
    const { chat, log: store } = openChat();
    const desk = moderator("moderate", "program");
    await chat.moderation.change(desk, "lobby", { user: "*", right: "none" });
    expect(store.access.of("*")).toMatchObject({ bindsModerators: false });
    expect(await chat.moderation.change(desk, "lobby", { user: "*", right: "default" })).toMatchObject({
      ok: true,
    });
  });

  it("may change 20 rules at once, and then is told to wait", async () => {
    const { chat } = openChat();
    const tries = Array.from({ length: 25 }, (_, n) =>
      chat.moderation.change(moderator(), "lobby", { user: `u${n}`, right: "read" }),
    );
    const refused = (await Promise.all(tries)).filter(({ ok }) => !ok);
    expect(refused).toHaveLength(5);
    expect(refused[0]).toMatchObject({ error: { code: "rate-limited", retryAfterMs: expect.any(Number) } });
  });

  it("leaves a line in the log of every act: who, whom, what and where, and not why", async () => {
    const { chat, logger } = openChat();
    await chat.moderation.change(moderator(), "lobby", {
      user: "ann",
      right: "read",
      seconds: 60,
      reason: "spam",
    });
    await chat.moderation.recheck(moderator(), "lobby", "ben");
    const lines = logger.lines.filter(({ fields }) => "by" in fields);
    expect(lines.map(({ fields }) => fields)).toMatchObject([
      { event: "access", room: "lobby", user: "ann", right: "read", by: "s-mo" },
      { event: "recheck", room: "lobby", user: "ben", by: "s-mo" },
    ]);
    expect(JSON.stringify(lines)).not.toContain("spam");
  });

  it.each(["", "  ", "x".repeat(201)])("gives a reason of 1 to 200 characters, not %j", async (reason) => {
    const { chat, log: store } = openChat();
    const answer = await chat.moderation.change(moderator(), "lobby", { user: "ann", right: "read", reason });
    expect(answer).toMatchObject({ ok: false });
    expect(store.entries("lobby")).toEqual([]);
  });

  it("sees the rules newest first, page by page, without those that have ended", async () => {
    const { chat, log: store } = openChat();
    const nothing = { right: "read" as const, by: "m", bindsModerators: false, reason: undefined };
    for (let n = 0; n < RULES_LISTED + 2; n += 1)
      await store.changeAccess("lobby", { ...nothing, subject: `u${n}`, until: n === 1 ? 1 : undefined });
    const first = await chat.moderation.list(moderator(), "lobby", undefined);
    const rules = first.ok ? first.value.rules : [];
    expect([rules.length, first.ok && first.value.more, rules[0]?.user]).toEqual([
      RULES_LISTED,
      true,
      `u${RULES_LISTED + 1}`,
    ]);
    const rest = await chat.moderation.list(moderator(), "lobby", rules.at(-1)?.id);
    expect(rest).toMatchObject({ ok: true, value: { more: false, rules: [{ user: "u0" }] } });
  });

  it("knows the address only of guests who are in the room", async () => {
    const { chat, log: store } = openChat();
    const ann = await FakeClient.in(chat, "lobby");
    const change = (user: string, right: "none" | "default") =>
      chat.moderation.change(moderator(), "lobby", { user, right, address: true });
    expect(await change("somebody-else", "none")).toMatchObject({
      ok: false,
      error: { code: "bad-request" },
    });
    expect(await change(ann.guest, "default")).toMatchObject({ ok: false, error: { code: "bad-request" } });
    expect(await change(ann.guest, "none")).toMatchObject({ ok: true });
    expect(store.access.rules.map(({ subject }) => subject)).toEqual([
      ann.guest,
      expect.stringMatching(/^@[\w-]{8}$/),
    ]);
  });
});
