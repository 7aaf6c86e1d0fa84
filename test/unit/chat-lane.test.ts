import { expect, it } from "vitest";
import { Lane } from "../../src/chat/lane.ts";
import { settle } from "../kit/fake-client.ts";
import { deferred } from "../kit/wait-for.ts";

/** A lane whose tasks end when the test says so. */
function laneOf(...tasks: readonly (readonly [name: string, together: boolean])[]) {
  const started: string[] = [];
  let idle = 0;
  const lane = new Lane(() => {
    idle += 1;
  });
  const ends = tasks.map(([name, together]) => {
    const end = deferred<void>();
    lane.run(() => {
      started.push(name);
      return end.promise;
    }, together);
    return end;
  });
  const end = async (index: number): Promise<void> => {
    ends[index]?.resolve();
    await settle();
  };
  return { lane, started, end, idle: () => idle };
}

it("messages start one behind the other without waiting, in the order sent", async () => {
  const { started, end, lane, idle } = laneOf(["a", true], ["b", true], ["c", true]);
  expect(started).toEqual(["a", "b", "c"]);
  await end(1);
  await end(0);
  expect([lane.busy, idle()]).toEqual([true, 0]);
  await end(2);
  expect([lane.busy, idle()]).toEqual([false, 1]);
});

it("a join waits for the messages before it, and holds up those behind it", async () => {
  const { started, end } = laneOf(["a", true], ["join", false], ["b", true], ["c", true]);
  expect(started).toEqual(["a"]);
  await end(0);
  expect(started).toEqual(["a", "join"]);
  await end(1);
  expect(started).toEqual(["a", "join", "b", "c"]);
});

it("what has not started when the client left never does", async () => {
  const { lane, started, end } = laneOf(["join", false], ["a", true]);
  lane.clear();
  await end(0);
  expect(started).toEqual(["join"]);
});
