import { describe, expect, it } from "vitest";
import type { ProcessView, StatusView } from "../../../src/http/status/status-view.ts";
import { ApiKeys } from "../../../src/identity/api-keys.ts";
import { OperatorPasses, PASS_MS } from "../../../src/identity/operator-passes.ts";
import { ProcessRates, quantile } from "../../../src/page/status/rates.ts";
import { bytesInWords, durationInWords, msInWords, rateInWords } from "../../../src/page/status/words.ts";

const KEY = "the-key-of-the-operator";

describe("an operator's pass", () => {
  const passes = new OperatorPasses(new ApiKeys(["another-program-key", KEY]));
  const issued = passes.issue(KEY, 1_000) ?? "";

  it("holds twelve hours, on every process that has the key", () => {
    const elsewhere = new OperatorPasses(new ApiKeys([KEY]));
    for (const each of [passes, elsewhere]) {
      expect(each.operatorOf(issued, 1_000)).toBeDefined();
      expect(each.operatorOf(issued, 1_000 + PASS_MS - 1)).toBeDefined();
      expect(each.operatorOf(issued, 1_000 + PASS_MS)).toBeUndefined();
    }
  });

  it("does not hold its key, and is not valid once the key is removed", () => {
    expect(issued).not.toContain(KEY);
    expect(
      new OperatorPasses(new ApiKeys(["another-program-key"])).operatorOf(issued, 1_000),
    ).toBeUndefined();
    expect(new OperatorPasses(new ApiKeys([])).operatorOf(issued, 1_000)).toBeUndefined();
  });

  it("is not issued for an unknown key", () => {
    expect(passes.issue("a-key-that-nobody-has", 1_000)).toBeUndefined();
  });

  it("cannot be extended or forged", () => {
    const [, signature] = issued.split(".");
    for (const pass of [
      "",
      ".",
      "x",
      `${9e15}.${signature}`,
      `${1_000 + PASS_MS}.`,
      `${issued}x`,
      `${issued}.x`,
      `Infinity.${signature}`,
    ]) {
      expect(passes.operatorOf(pass, 1_000)).toBeUndefined();
    }
  });
});

function process(fields: Partial<ProcessView>): ProcessView {
  return {
    instance: "one",
    dyno: "",
    release: "",
    version: "0.1.0",
    node: "20",
    startedAt: 0,
    at: 0,
    state: "serving",
    logWarnings: [],
    logReason: "",
    roundTripAgeMs: 0,
    sockets: 0,
    rooms: 0,
    messages: 0,
    deliveries: 0,
    refusals: 0,
    acks: [0, 0],
    loopDelayP99Ms: 0,
    resident: 0,
    heapUsed: 0,
    heapLimit: 1,
    ...fields,
  };
}

function view(...processes: ProcessView[]): StatusView {
  return { now: 0, logKind: "redis", ackBuckets: [0.001, 0.01], processes };
}

describe("rates", () => {
  it("are counted from one report to the next, each process by its own clock", () => {
    const rates = new ProcessRates();
    rates.take(view(process({ at: 1_000, messages: 10 }), process({ instance: "two", at: 900_000 })));
    const now = rates.take(
      view(
        process({ at: 3_000, messages: 30, deliveries: 200, acks: [15, 5] }),
        process({ instance: "two", at: 905_000, messages: 5 }),
      ),
    );
    expect(now.get("one")).toEqual({ messages: 10, deliveries: 100, refusals: 0, acks: [15, 5] });
    expect(now.get("two")?.messages).toBe(1);
  });

  it("stand while a process has not reported again, and are nothing for one that just came", () => {
    const rates = new ProcessRates();
    rates.take(view(process({ at: 1_000 })));
    const counted = rates.take(view(process({ at: 2_000, messages: 7 })));
    const again = rates.take(
      view(process({ at: 2_000, messages: 7 }), process({ instance: "new", messages: 9 })),
    );
    expect(again.get("one")).toEqual(counted.get("one"));
    expect(again.get("new")?.messages).toBe(0);
  });
});

describe("the time within which a share of messages was stored", () => {
  it.each([
    [[99, 1, 0], 0.99, 1],
    [[98, 2, 0], 0.99, 10],
    [[0, 0, 4], 0.5, 10],
    [[0, 0, 0], 0.99, undefined],
    [[], 0.99, undefined],
  ])("of %j for %d is %s ms", (counts, share, ms) => {
    expect(quantile([0.001, 0.01], counts, share)).toBe(ms);
  });
});

describe("texts", () => {
  it("say numbers as people read them", () => {
    expect([0, 812, 1536, 64_400_000].map(bytesInWords)).toEqual(["0 B", "812 B", "1.5 KiB", "61.4 MiB"]);
    expect([0, 45_000, 200_000, 3_600_000, 187_200_000].map(durationInWords)).toEqual([
      "0 s",
      "45 s",
      "3 min 20 s",
      "1 h",
      "2 d 4 h",
    ]);
    expect([0.04, 9.96, 12_345.6].map(rateInWords)).toEqual(["0.0", "10.0", "12,346"]);
    expect([undefined, 3.4, 1_500].map(msInWords)).toEqual(["–", "3 ms", "1.5 s"]);
  });
});
