import { expect, it } from "vitest";
import { connectPlain } from "../../kit/clients/plain-client.ts";
import { refusalOf } from "../../kit/clients/recorded-socket.ts";
import { openApi } from "../../kit/servers/api.ts";
import { waitFor } from "../../kit/vitest/wait-for.ts";

it("sockets and event streams of one address that come too fast get 429, Retry-After and a sentence", async () => {
  const app = await openApi({ connectsPerSecondPerAddress: 1 });
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const wsUrl = url.replace("http", "ws");
  for (let socket = 0; socket < 10; socket += 1) await (await connectPlain(wsUrl)).close();
  const refused = await refusalOf(connectPlain(wsUrl));
  expect([refused.status, refused.headers["retry-after"]]).toEqual([429, "1"]);
  expect(refused.body).toBe("Connections are opened too fast from your address.\n");
  // On a slow machine a second may pass between two of them, and one more is accepted.
  const stream = await waitFor(async () => {
    const answer = await fetch(`${url}/api/rooms/lobby/events`);
    if (answer.status === 429) return answer;
    await answer.body?.cancel();
    return undefined;
  }, "a stream is refused");
  expect(stream.headers.get("retry-after")).toBe("1");
  expect(await stream.json()).toMatchObject({
    code: "rate-limited",
    message: "Connections are opened too fast from your address.",
    retryable: true,
  });
  expect(app.dynochat.chat.counters.limited.get("address-connects")).toBe(2);
  await waitFor(() => connectPlain(wsUrl).catch(() => undefined), "the next second's socket is opened");
});
