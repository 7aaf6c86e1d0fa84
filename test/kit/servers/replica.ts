import { afterwards } from "../vitest/cleanup.ts";
import { waitFor } from "../vitest/wait-for.ts";
import { startRedis, type TestRedis } from "./redis.ts";

/**
 * A replica that has everything its master has; ends with the test.
 * @param port where it reaches its master, if that is not the master's own.
 */
export async function startReplica(master: TestRedis, port = master.port): Promise<TestRedis> {
  // By default a master waits for more replicas to come before it sends them its data.
  await master.cli("CONFIG", "SET", "repl-diskless-sync-delay", "0");
  const replica = await startRedis({ args: ["--replicaof", `localhost ${port}`] });
  afterwards(() => replica.stop());
  // A replica that calls itself in step is sent the first write up to a second later.
  await master.cli("SET", "in-step", "1");
  await waitFor(
    async () => (await replica.cli("EXISTS", "in-step")) === "1",
    "the replica is in step",
    20_000,
  );
  await master.cli("DEL", "in-step");
  return replica;
}

/**
 * Detaches a replica that keeps what it has at this moment: promoted later, it is one that lagged, as
 * far behind as the master has gone on since.
 */
export async function promote(replica: TestRedis): Promise<void> {
  await replica.cli("REPLICAOF", "NO", "ONE");
}
