import { expect, it } from "vitest";
import { MemoryStore } from "../../../src/store/memory/memory-store.ts";
import { REPORT_MS } from "../../../src/store/message-reports.ts";
import { begin, newReport, ROOMY } from "../../contract/open-store.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

it("a report in memory is gone after 30 days, and the message may be reported again", async () => {
  let now = 1_795_257_593_307;
  const store = new MemoryStore(ROOMY, () => now);
  afterwards(() => store.close());
  await begin(store);
  const first = await store.addReport(newReport(), undefined);
  const id = "id" in first ? first.id : "";
  now += REPORT_MS - 1;
  expect(await store.messageReports(undefined, 10)).toHaveLength(1);
  expect(await store.addReport(newReport(), undefined)).toMatchObject({ outcome: "duplicate" });
  now += 1;
  expect(await store.messageReports(undefined, 10)).toEqual([]);
  expect(await store.messageReport(id)).toBeUndefined();
  expect(await store.addReport(newReport(), undefined)).toMatchObject({ outcome: "stored" });
});
