import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { beforeAll, expect, it } from "vitest";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { connectV1, type V1Client } from "../kit/clients/v1-client.ts";
import { startFleet } from "../kit/servers/fleet.ts";
import type { Server } from "../kit/servers/server.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Processes report every 5 s, and the page looks every 2; a busy machine needs longer. */
const REPORTED_MS = 20_000;

const KEY = "the-key-of-the-operator";
const DESK_KEY = "the-key-of-the-desk";
/** Keys of programs that report messages. */
const REPORTERS = Array.from({ length: 6 }, (_, n) => `the-key-of-reporter-${n}`);

let browser: Browser;
let servers: readonly Server[];
beforeAll(async () => {
  browser = await startBrowser();
  ({ servers } = await startFleet(2, {
    env: {
      API_KEYS: [KEY, `desk:${DESK_KEY}:moderate@*+operate`, ...REPORTERS].join(","),
      MESSAGES_PER_SECOND: "0",
    },
  }));
});

async function signIn(page: Page, key: string): Promise<void> {
  await page.goto(`${servers[0]!.url}/status`);
  await page.getByLabel("A key of API_KEYS").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("All processes are serving.").waitFor();
}

async function axeFindings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const results: AxeResults = await page.evaluate('axe.run(document, { resultTypes: ["violations"] })');
  return results.violations.map(({ id, nodes }) => `${id} ${nodes[0]?.html}`);
}

it.each(["light", "dark"] as const)(
  "an operator signs in and sees the processes live, in a %s page that axe finds nothing in",
  async (colorScheme) => {
    const { page, errors } = await newVisitor(browser, { colorScheme });
    await page.goto(`${servers[0]!.url}/status`);
    await page.getByLabel("A key of API_KEYS").fill("a-key-that-nobody-has");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Nobody has this key.").waitFor();
    await page.getByLabel("A key of API_KEYS").fill(KEY);
    await page.getByRole("button", { name: "Sign in" }).click();

    const rows = page.getByRole("table", { name: "Running processes" }).getByRole("row");
    await waitFor(
      async () => (await rows.count()) === 3,
      "a row for each process, and the head",
      REPORTED_MS,
    );
    await page.getByText("All processes are serving.").waitFor();
    const tile = (title: string) => page.locator(".tile", { hasText: title }).locator(".tile-value");
    const sockets = async () => Number(await tile("Sockets").textContent());
    await waitFor(async () => (await sockets()) === 0, "no socket is open yet", REPORTED_MS);
    const ann = await connectV1(servers[0]!.wsUrl, { room: "lobby" });
    await waitFor(async () => (await sockets()) === 1, "the new socket is seen", REPORTED_MS);
    await waitFor(
      async () => {
        await ann.say("lobby", "something to count");
        return Number(await tile("Messages per second").textContent()) > 0;
      },
      "the messages are counted",
      REPORTED_MS,
    );
    expect(await page.locator(".tile-chart polyline").first().getAttribute("points")).toMatch(/ /);

    expect(await axeFindings(page)).toEqual([]);
    // 401 is how the page learns that it must ask for a key.
    expect(errors.filter((error) => !error.includes("401"))).toEqual([]);

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("A key of API_KEYS").waitFor();
    await page.reload();
    await page.getByLabel("A key of API_KEYS").waitFor();
  },
);

it("a server that goes away is told, and the page goes on when it is back", async () => {
  const { page } = await newVisitor(browser);
  await page.goto(`${servers[0]!.url}/status`);
  await page.getByLabel("A key of API_KEYS").fill(KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("All processes are serving.").waitFor();
  await page.context().setOffline(true);
  await page.getByText("No answer").waitFor();
  await page.context().setOffline(false);
  await page.getByText("All processes are serving.").waitFor();
});

/** Waits until the client's process, which is not the operator's, has heard that a rule was taken back. */
async function writesAgain(client: V1Client): Promise<void> {
  const isTold = () => {
    const last = client.frames.findLast((frame) => frame.type === "right");
    return last?.type === "right" && last.right === "write";
  };
  await waitFor(isTold, "the user may write again");
}

it("an operator mutes a user, sees the rule, takes it back, and locks the room", async () => {
  const noisy = await connectV1(servers[1]!.wsUrl, { room: "noisy", handle: "<b>Eve</b>" });
  await noisy.say("noisy", "one");
  const { page, errors } = await newVisitor(browser);
  await signIn(page, DESK_KEY);
  await page.getByRole("button", { name: "noisy", exact: true }).click();
  await page.getByText("People here: 1.").waitFor();
  const rule = page.getByRole("table", { name: "Access rules" }).getByRole("row").nth(1);

  await page.getByRole("button", { name: "Mute 10 min: <b>Eve</b>" }).click();
  await page.getByText("Mute 10 min: <b>Eve</b>, done. People here: 1.").waitFor();
  expect(await rule.getByRole("cell").allTextContents()).toEqual(
    expect.arrayContaining(["read", "p-desk", expect.stringMatching(/\d:\d\d/)]),
  );
  expect(await rule.getByRole("rowheader").textContent()).toContain("<b>Eve</b> (");
  await expect(noisy.say("noisy", "two")).rejects.toThrow();
  expect(await axeFindings(page)).toEqual([]);

  await page.getByRole("button", { name: "Take back: <b>Eve</b>" }).click();
  await rule.waitFor({ state: "detached" });
  await writesAgain(noisy);
  await noisy.say("noisy", "three");

  await page.getByRole("button", { name: "Lock room" }).click();
  await page.getByRole("button", { name: "Unlock room" }).waitFor();
  await expect(noisy.say("noisy", "four")).rejects.toThrow();
  await page.getByRole("button", { name: "Unlock room" }).click();
  await page.getByRole("button", { name: "Lock room" }).waitFor();
  await writesAgain(noisy);
  await noisy.say("noisy", "five");

  await page.getByRole("button", { name: "Shut out: <b>Eve</b>" }).click();
  await rule.getByText("nothing").waitFor();
  expect(errors.filter((error) => !error.includes("401"))).toEqual([]);
});

it("an operator bans a guest from all rooms with the address, and takes both rules back", async () => {
  const rude = await connectV1(servers[1]!.wsUrl, { room: "rude", handle: "Rod" });
  await rude.say("rude", "one");
  await rude.join("rude-2");
  const { page, errors } = await newVisitor(browser);
  await signIn(page, DESK_KEY);
  await page.getByRole("button", { name: "rude", exact: true }).click();
  await page.getByRole("button", { name: "Ban from all rooms: Rod" }).click();
  await page.getByText("Ban from all rooms: Rod, done.").waitFor();
  await waitFor(
    () => rude.frames.filter(({ type }) => type === "left").length === 2,
    "the guest is told to leave both rooms",
  );
  await page.getByRole("button", { name: "All rooms: bans and locks" }).click();
  await page.getByRole("button", { name: "Lock all rooms" }).waitFor();
  const rules = page.getByRole("table", { name: "Access rules" }).locator("tbody tr");
  expect(await rules.count()).toBe(2);
  expect(await axeFindings(page)).toEqual([]);
  for (let left = 2; left > 0; left -= 1) {
    await rules.first().getByRole("button").click();
    await waitFor(async () => (await rules.count()) === left - 1, "the rule is taken back");
  }
  await waitFor(
    async () => (await rude.request({ type: "join", room: "rude" })).type === "joined",
    "the guest may enter again",
  );
  expect(errors.filter((error) => !error.includes("401"))).toEqual([]);
});

it("a key that may only write sees a room, no buttons in it, and which key moderates", async () => {
  const quiet = await connectV1(servers[1]!.wsUrl, { room: "quiet", handle: "Ann" });
  await quiet.say("quiet", "one");
  const { page } = await newVisitor(browser);
  await signIn(page, KEY);
  await page.getByRole("button", { name: "quiet", exact: true }).click();
  await page.getByText("desk:<key>:moderate@*+operate").waitFor();
  await page.getByRole("rowheader", { name: "Ann" }).waitFor();
  const panel = page.getByRole("region", { name: "quiet" });
  expect(await panel.getByRole("button").count()).toBe(0);

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("A key of API_KEYS").waitFor();
  expect(await page.locator("#rooms tr, #room-content *").count()).toBe(0);
});

async function reportedBy(name: string, room: string, text: string, reason?: string): Promise<V1Client> {
  const author = await connectV1(servers[1]!.wsUrl, { room, handle: "<b>Eve</b>" });
  const { id } = await author.say(room, text);
  const reporter = await connectV1(servers[1]!.wsUrl, { room, handle: name });
  const answer = await reporter.request({
    type: "report",
    room,
    id,
    ...(reason === undefined ? {} : { reason }),
  });
  expect(answer.type).toBe("ok");
  return author;
}

it("an operator sees reports, opens the room, mutes the author, and dismisses a report", async () => {
  // Long enough to scroll.
  const text = `<img src=x onerror=alert(1)>${"\nbuy".repeat(40)}`;
  const eve = await reportedBy("Ben", "bazaar", text, "spam & worse");
  const { page, errors } = await newVisitor(browser);
  await signIn(page, DESK_KEY);
  const reports = page.getByRole("region", { name: "Reports" });
  const items = reports.getByRole("list", { name: "Reports, newest first" }).getByRole("listitem");
  await waitFor(async () => (await items.count()) === 1, "the report is shown");
  expect(await items.first().locator("p, blockquote").allTextContents()).toEqual([
    expect.stringMatching(/^bazaar<b>Eve<\/b> \(g[\w-]+\)$/),
    text,
    expect.stringMatching(/^Reported by Ben \(g[\w-]+\), .*: spam & worse$/),
    "Mute 10 minShut outDismiss",
  ]);
  expect(await reports.locator("img, b").count()).toBe(0);
  expect(await axeFindings(page)).toEqual([]);

  await reports.getByRole("button", { name: "Mute 10 min: <b>Eve</b>" }).click();
  await reports.getByText("Mute 10 min: <b>Eve</b>, done.").waitFor();
  await expect(eve.say("bazaar", "again")).rejects.toThrow();
  await reports.getByRole("button", { name: "Open room bazaar" }).click();
  await page.getByRole("region", { name: "bazaar" }).getByText("People here: 2.").waitFor();
  await page.getByRole("button", { name: "Take back: <b>Eve</b>" }).waitFor();

  // What comes later is shown when the operator wants it: no item moves by itself.
  await reportedBy("Cleo", "bazaar", "later");
  const newer = reports.getByRole("button", { name: "Show new reports" });
  await newer.waitFor();
  expect(await items.count()).toBe(1);
  await newer.click();
  await waitFor(async () => (await items.count()) === 2, "both reports are shown");
  expect(await newer.isVisible()).toBe(false);

  await items.nth(1).getByRole("button", { name: "Dismiss" }).click();
  await items.nth(1).getByText("Dismissed").waitFor();
  expect(await items.nth(1).getByRole("button").allTextContents()).toEqual(["bazaar"]);
  await page.reload();
  await waitFor(async () => (await items.count()) === 1, "only the other report is left");
  expect(await items.first().locator("blockquote").textContent()).toBe("later");
  await items.first().getByRole("button", { name: "Shut out: <b>Eve</b> 2" }).click();
  await reports.getByText("Shut out: <b>Eve</b> 2, done.").waitFor();
  await items.first().getByRole("button", { name: "Dismiss" }).click();
  await items.first().getByText("Dismissed").waitFor();
  expect(errors.filter((error) => !error.includes("401"))).toEqual([]);
});

it("an operator pages through many reports, and a key that may only write sees none", async () => {
  const author = await connectV1(servers[1]!.wsUrl, { room: "busy", handle: "Eve" });
  for (const [index, key] of REPORTERS.entries()) {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    for (let n = 0; n < 10; n += 1) {
      const { id } = await author.say("busy", `message ${10 * index + n}`);
      const url = `${servers[1]!.url}/api/rooms/busy/reports`;
      const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ id }) });
      expect(answer.status).toBe(201);
    }
  }
  const { page } = await newVisitor(browser);
  await signIn(page, DESK_KEY);
  const reports = page.getByRole("region", { name: "Reports" });
  await reports.getByText("message 59", { exact: true }).waitFor();
  await reports.getByRole("button", { name: "Show older reports" }).click();
  await reports.getByText("message 9", { exact: true }).waitFor();
  await reports.getByText("message 0", { exact: true }).waitFor();
  expect(await reports.getByText("message 10", { exact: true }).count()).toBe(0);
  await reports.getByRole("button", { name: "Show new reports" }).click();
  await reports.getByText("message 59", { exact: true }).waitFor();

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("A key of API_KEYS").waitFor();
  expect(await page.locator("#reports-content *").count()).toBe(0);
  await signIn(page, KEY);
  await page.getByText("There are no reports of rooms that your key may moderate.").waitFor();
});
