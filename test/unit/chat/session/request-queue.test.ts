import { describe, expect, it } from "vitest";
import { PendingLimit, RequestQueue, WaitingBytes } from "../../../../src/chat/session/v1/request-queue.ts";
import { settle } from "../../../kit/fakes/fake-client.ts";
import { deferred } from "../../../kit/vitest/wait-for.ts";

/** A queue whose tasks end when the test says so. */
function laneOf(...tasks: readonly (readonly [name: string, together: boolean])[]) {
  const started: string[] = [];
  let idle = 0;
  const queue = new RequestQueue(() => {
    idle += 1;
  });
  const ends = tasks.map(([name, together]) => {
    const end = deferred<void>();
    queue.run(() => {
      started.push(name);
      return end.promise;
    }, together);
    return end;
  });
  const end = async (index: number): Promise<void> => {
    ends[index]?.resolve();
    await settle();
  };
  return { lane: queue, started, end, idle: () => idle };
}

it("messages start one after the other without waiting, in the order sent", async () => {
  const { started, end, lane: queue, idle } = laneOf(["a", true], ["b", true], ["c", true]);
  expect(started).toEqual(["a", "b", "c"]);
  await end(1);
  await end(0);
  expect([queue.busy, idle()]).toEqual([true, 0]);
  await end(2);
  expect([queue.busy, idle()]).toEqual([false, 1]);
});

it("a join waits for the messages before it, and holds up those after it", async () => {
  const { started, end } = laneOf(["a", true], ["join", false], ["b", true], ["c", true]);
  expect(started).toEqual(["a"]);
  await end(0);
  expect(started).toEqual(["a", "join"]);
  await end(1);
  expect(started).toEqual(["a", "join", "b", "c"]);
});

it("what has not started when the client left never does", async () => {
  const { lane: queue, started, end } = laneOf(["join", false], ["a", true]);
  queue.clear();
  await end(0);
  expect(started).toEqual(["join"]);
});

describe("the bytes of requests that wait", () => {
  it("are bounded for all connections together, and free again when they are answered or their connection is gone", () => {
    const all = new WaitingBytes(1_000);
    const [first, second] = [new PendingLimit(all), new PendingLimit(all)];
    expect([first.take(600), second.take(600), second.take(400)]).toEqual([true, false, true]);
    first.release(600);
    expect(second.take(600)).toBe(true);
    second.close();
    second.close();
    // Their answers come late.
    second.release(400);
    second.release(600);
    expect([first.take(1_000), first.take(1)]).toEqual([true, false]);
  });

  it("are refused beyond a MiB of one connection", () => {
    const backlog = new PendingLimit(new WaitingBytes());
    for (let kib = 0; kib < 1_024; kib += 32) expect(backlog.take(32 * 1024)).toBe(kib < 1_024);
    expect(backlog.take(1)).toBe(false);
  });
});
