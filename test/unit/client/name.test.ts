import { expect, it } from "vitest";
import { newClient, welcome } from "../../kit/clients/connected-client.ts";

it("a name that is given while the hello is under way is told as soon as it was answered, once", () => {
  const { client, network } = newClient();
  client.start();
  network.socket.accept();
  expect(network.socket.last("hello").handle).toBeUndefined();
  client.setHandle("Bob");
  welcome(network.socket, { id: "u1", handle: "guest-1" });
  expect(network.socket.last("hello").handle).toBe("Bob");
  welcome(network.socket, { id: "u1", handle: "Bob" });
  expect(network.socket.all("hello")).toHaveLength(2);
  expect(client.self).toEqual({ id: "u1", handle: "Bob" });
});
