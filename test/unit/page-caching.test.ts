import { describe, expect, it } from "vitest";
import { openApi } from "../kit/api.ts";

describe("the page's document", () => {
  it("makes whoever has no cookie a guest, and no cache between may give that guest to anybody else", async () => {
    const app = await openApi();
    const answer = await app.inject("/");
    expect(answer.cookies.map(({ name }) => name)).toEqual(["dynochat"]);
    expect(answer.headers["cache-control"]).toBe("private, no-cache");
  });

  it("is asked for again each time, the operator's too", async () => {
    const answer = await (await openApi()).inject("/status");
    expect([answer.statusCode, answer.headers["cache-control"]]).toEqual([200, "no-cache"]);
  });
});
