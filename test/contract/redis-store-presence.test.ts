import { beforeAll, describe, expect, it } from "vitest";
import type { TestRedis } from "../kit/servers/redis.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { open, ownRedis } from "./open-redis-store.ts";
import { subscribe } from "./open-store.ts";

describe("a roll call in Redis", () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await ownRedis();
  });

  /** Two processes, of which one hears the other's hints, as objects. */
  async function twoProcesses() {
    const one = await open({ redis });
    const two = await open({ redis, prefix: one.prefix });
    await subscribe(two.log, "lobby");
    const heard = () =>
      two.listener.texts("lobby").map((text): Readonly<Record<string, unknown>> => JSON.parse(text));
    return { one: one.log, two: two.log, heard, prefix: one.prefix };
  }

  it("tells the others who came and went while the process could not say so", async () => {
    const { one, heard } = await twoProcesses();
    await one.enter("lobby", { id: "gone", handle: "Gone" });
    await one.enter("lobby", { id: "stays", handle: "Stays" });
    await waitFor(() => heard().length === 2, "both have entered");
    await one.syncPresence("lobby", [
      { id: "stays", handle: "Stays" },
      { id: "new", handle: 'N"ew é' },
    ]);
    await waitFor(() => heard().length === 4, "what was wrong is told");
    expect(heard().slice(2)).toEqual([
      { type: "exit", instance: one.instance, user: "gone" },
      { type: "enter", instance: one.instance, person: { id: "new", handle: 'N"ew é' } },
    ]);
  });

  it("keeps where guests come from apart from their handles, which older processes read", async () => {
    const { one, two, prefix } = await twoProcesses();
    const [who, networks] = ["who", "networks"].map((name) => `${prefix}{lobby}:${name}`);
    const hash = async (key = ""): Promise<string[]> => (await redis.cli("HVALS", key)).split("\n").sort();
    await one.enter("lobby", { id: "ann", handle: "Ann", network: "office" });
    await two.enter("lobby", { id: "ben", handle: "Ben" });
    expect([await hash(who), await hash(networks)]).toEqual([["Ann", "Ben"], ["office"]]);
    // An older process knows nothing of the second hash: what it leaves behind there goes with the next roll
    // call.
    await redis.cli("HSET", networks ?? "", "gone:eve", "elsewhere", `${one.instance}:dee`, "elsewhere");
    await redis.cli("HDEL", networks ?? "", `${one.instance}:ann`);
    const here = [{ id: "ann", handle: "Ann", network: "office" }];
    const present = await one.syncPresence("lobby", here);
    expect(present.find(({ id }) => id === "ann")).toMatchObject({ network: "office" });
    expect([await hash(who), await hash(networks)]).toEqual([["Ann", "Ben"], ["office"]]);
    await one.exit("lobby", "ann");
    expect([await hash(who), await hash(networks)]).toEqual([["Ben"], [""]]);
  });

  it("tells the others where a guest comes from whom they were not told of", async () => {
    const { one, heard } = await twoProcesses();
    await one.syncPresence("lobby", [{ id: "ann", handle: "Ann", network: "office" }]);
    await waitFor(() => heard().length === 1, "what was wrong is told");
    expect(heard()[0]).toMatchObject({ person: { id: "ann", handle: "Ann", network: "office" } });
  });

  it("publishes nothing that is known already", async () => {
    const { one, two, heard } = await twoProcesses();
    await one.enter("lobby", { id: "ann", handle: "Ann" });
    await one.syncPresence("lobby", [{ id: "ann", handle: "Ann" }]);
    two.publishEphemeral("lobby", Buffer.from('{"type":"last"}'));
    await waitFor(() => heard().some(({ type }) => type === "last"), "the last hint");
    expect(heard().map(({ type }) => type)).toEqual(["enter", "last"]);
  });
});
