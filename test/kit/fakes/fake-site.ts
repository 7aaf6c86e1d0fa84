import type { Chat } from "../../../src/chat/chat.ts";
import type { SiteTokens } from "../../../src/chat/identity.ts";
import { success } from "../../../src/chat/result.ts";
import { FakeClient } from "./fake-client.ts";
import { FakeConnection } from "./fake-connection.ts";

/** A site whose tokens are the names of its users. */
export const FAKE_SITE: SiteTokens = {
  required: false,
  verify: async (token) =>
    success({
      user: `s-${token}`,
      handle: token,
      rooms: undefined,
      issuedAt: undefined,
      expiresAt: undefined,
      siteKey: "key",
    }),
  holdsKey: async () => true,
};

/** A client that has sent the hello of a user of the site, from an address of its own. */
export async function signedIn(chat: Chat, name: string, network = "192.0.2.1"): Promise<FakeClient> {
  const client = new FakeClient(chat, undefined, new FakeConnection(undefined, network));
  await client.ask({ type: "hello", token: name });
  return client;
}
