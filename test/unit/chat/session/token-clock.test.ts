import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { guestIdentity, type SiteTokens } from "../../../../src/chat/identity.ts";
import { success } from "../../../../src/chat/result.ts";
import { CLOSE } from "../../../../src/protocol/codes.ts";
import { FakeClient, openChat } from "../../../kit/fakes/fake-client.ts";
import { FakeConnection } from "../../../kit/fakes/fake-connection.ts";

const NOW = 1_800_000_000_000;

/** Tokens `<user>.<end, ms>.x` of a site that signs nothing. */
const SITE: SiteTokens = {
  required: false,
  verify: async (token) => {
    const [user = "", expiresAt] = token.split(".");
    return success({
      user: `s-${user}`,
      handle: undefined,
      rooms: undefined,
      issuedAt: undefined,
      expiresAt: Number(expiresAt),
      siteKey: "one",
    });
  },
  holdsKey: async () => true,
};

function tokenOf(endsInMs: number): string {
  return `ann.${NOW + endsInMs}.x`;
}

/** A client of a site's user, greeted with a token that ends in so many ms. */
async function signedIn(endsInMs: number): Promise<FakeClient> {
  const client = new FakeClient(openChat({}, undefined, SITE).chat);
  await client.ask({ type: "hello", token: tokenOf(endsInMs) });
  return client;
}

function warnings(client: FakeClient): unknown[] {
  return client.connection.framesOf("expiring").map(({ inMs }) => inMs);
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"], now: NOW });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a site's token on a connection", () => {
  it("is announced to end a minute before, and closes the connection with 4401 when it ends", async () => {
    const client = await signedIn(90_000);
    vi.advanceTimersByTime(29_999);
    expect(warnings(client)).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(warnings(client)).toEqual([60_000]);
    vi.advanceTimersByTime(60_000);
    expect(client.connection.closedWith?.code).toBe(CLOSE.unauthorized);
  });

  it("is announced once, however often hello repeats it in its last minute, and still ends on time", async () => {
    const client = await signedIn(50_000);
    vi.advanceTimersByTime(0);
    expect(warnings(client)).toEqual([50_000]);
    for (let times = 0; times < 20; times += 1) {
      expect((await client.ask({ type: "hello", token: tokenOf(50_000) })).type).toBe("welcome");
      vi.advanceTimersByTime(1_000);
    }
    expect(warnings(client)).toEqual([50_000]);
    vi.advanceTimersByTime(29_999);
    expect(client.connection.closedWith).toBeUndefined();
    vi.advanceTimersByTime(1);
    expect(client.connection.closedWith?.code).toBe(CLOSE.unauthorized);
  });

  it("is followed by the next one, which is announced in its own last minute", async () => {
    const client = await signedIn(50_000);
    vi.advanceTimersByTime(10_000);
    await client.ask({ type: "hello", token: tokenOf(170_000) });
    vi.advanceTimersByTime(99_999);
    expect(warnings(client)).toEqual([50_000]);
    vi.advanceTimersByTime(1);
    expect(warnings(client)).toEqual([50_000, 60_000]);
    expect(client.connection.closedWith).toBeUndefined();
  });
});

describe("a site that withdraws a key", () => {
  it("ends the connections that its tokens opened within a minute, and no other; an outage ends none", async () => {
    vi.useFakeTimers({
      toFake: ["Date", "setTimeout", "clearTimeout", "setInterval", "clearInterval"],
      now: NOW,
    });
    let holds: boolean | undefined = true;
    const holdsKey = async (): Promise<boolean | undefined> => holds;
    const { chat } = openChat({}, undefined, { ...SITE, holdsKey });
    const guest = await FakeClient.greeted(chat);
    const ann = new FakeClient(chat);
    await ann.ask({ type: "hello", token: tokenOf(3_600_000) });
    const stream = new FakeConnection();
    const identity = { ...guestIdentity("s-ben", "Ben"), kind: "site", siteKey: "one" } as const;
    chat.connectStream(stream, { identity, rooms: [] });
    for (const now of [true, undefined, false]) {
      expect([ann.connection, stream].map(({ closedWith }) => closedWith)).toEqual([undefined, undefined]);
      holds = now;
      await vi.advanceTimersByTimeAsync(60_000);
    }
    for (const { closedWith } of [ann.connection, stream]) expect(closedWith?.code).toBe(CLOSE.unauthorized);
    expect(guest.connection.closedWith).toBeUndefined();
  });
});
