import fastify from "fastify";
import { SignJWT } from "jose";
import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { dynochat } from "../../src/plugin.ts";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { rememberName, say, stored } from "../kit/browser/chat-page.ts";
import { openDoorway } from "../kit/servers/doorway.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";

const SECRET = "0123456789abcdef0123456789abcdef";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});

interface Site {
  readonly url: string;
  readonly port: number;
  /** How often a token was asked for. */
  readonly asked: () => number;
  /** The next answers are for this user, or say in that way that nobody is signed in. */
  signedIn:
    | { readonly sub: string; readonly name: string }
    | "401"
    | "403"
    | "204"
    | "503"
    | "empty"
    | "redirect";
  /** Seconds for which the next tokens are valid. */
  validSeconds: number;
}

/** An app that signs its users in, and has the chat beside that. Guests are rejected. */
async function startSite(): Promise<Site> {
  const app = fastify({ forceCloseConnections: true });
  let asked = 0;
  app.get("/chat-token", async ({ headers }, reply) => {
    asked += 1;
    // A browser that kept an answer would show the token of a former user.
    expect([headers["cache-control"], headers["sec-fetch-site"]]).toEqual(["no-cache", "same-origin"]);
    const { signedIn, validSeconds } = site;
    if (signedIn === "empty") return {};
    if (signedIn === "redirect") return reply.redirect("https://login.example/");
    if (typeof signedIn === "string") return reply.code(Number(signedIn)).send();
    const token = new SignJWT({ ...signedIn, exp: Date.now() / 1_000 + validSeconds });
    return { token: await token.setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(SECRET)) };
  });
  await app.register(dynochat, {
    tokenSecret: SECRET,
    tokenRequired: true,
    tokenUrl: "/chat-token",
    shutdownSeconds: 0,
  });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  afterwards(() => app.close());
  const site: Site = {
    url,
    port: Number(new URL(url).port),
    asked: () => asked,
    signedIn: { sub: "ann", name: "Ann Ash" },
    validSeconds: 3_600,
  };
  return site;
}

/** The types of the frames that the page got from its sockets, and sent to them, in their order. */
function framesOf(page: Page): { readonly received: string[]; readonly sent: string[] } {
  const frames = { received: [] as string[], sent: [] as string[] };
  const typeOf = (payload: string | Buffer): string => JSON.parse(payload.toString()).type;
  page.on("websocket", (socket) => {
    socket.on("framereceived", ({ payload }) => frames.received.push(typeOf(payload)));
    socket.on("framesent", ({ payload }) => frames.sent.push(typeOf(payload)));
  });
  return frames;
}

/** The list of rooms as a user of the site gets it. */
async function listedIn({ url }: Site): Promise<string> {
  const token = new SignJWT({ sub: "ann", exp: Date.now() / 1_000 + 60 });
  const signed = await token.setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(SECRET));
  return (await fetch(`${url}/api/rooms`, { headers: { authorization: `Bearer ${signed}` } })).text();
}

describe("the page of a site that signs its users in", () => {
  it("shows the name that the site gives, asks for none, and sends messages under it", async () => {
    const site = await startSite();
    const { page, errors } = await newVisitor(browser);
    // Perhaps the user was a guest at an earlier visit.
    await rememberName(page, "Somebody else");
    await page.goto(site.url);
    await page.locator("#own-name", { hasText: "Ann Ash" }).waitFor();
    expect(await page.locator(".person").allTextContents()).toEqual([expect.stringContaining("Ann Ash")]);
    expect(await page.getByRole("button", { name: "Change name" }).isVisible()).toBe(false);
    expect(await page.getByLabel("What should people call you?").isVisible()).toBe(false);
    await say(page, "good morning");
    await stored(page, "good morning").waitFor();
    expect(await page.locator(".message").textContent()).toContain("Ann Ash");
    expect(site.asked()).toBe(1);
    expect(errors).toEqual([]);
  });

  it("shows the composer at once to a user who was never here", async () => {
    const site = await startSite();
    const { page } = await newVisitor(browser);
    await page.goto(site.url);
    await page.getByLabel("Message", { exact: true }).waitFor();
    expect(await page.getByLabel("What should people call you?").isVisible()).toBe(false);
    await page.locator("#own-name", { hasText: "Ann Ash" }).waitFor();
  });

  it.each(["401", "403", "204", "empty", "redirect"] as const)(
    "asks a user to sign in who is not, sends nothing, and gets in by the button (%s)",
    async (answer) => {
      const site = await startSite();
      site.signedIn = answer;
      const { page, errors } = await newVisitor(browser);
      const frames = framesOf(page);
      await page.goto(site.url);
      await page.locator("#connection-text", { hasText: /^Sign in to take part\.$/ }).waitFor();
      expect(await page.locator(".writing-as").isVisible()).toBe(false);
      await say(page, "is anybody here?");
      await page.locator(".message.is-waiting").waitFor();
      const retry = page.getByRole("button", { name: "Try now" });
      await retry.click();
      await waitFor(() => site.asked() === 2, "the site is asked again");
      await page.locator("#connection-text", { hasText: "Sign in to take part." }).waitFor();
      expect(frames.sent).toEqual([]);
      site.signedIn = { sub: "ben", name: "Ben" };
      await retry.click();
      await stored(page, "is anybody here?").waitFor();
      expect(await page.locator(".message").textContent()).toContain("Ben");
      expect(await page.locator("#own-name").textContent()).toBe("Ben");
      expect(await page.locator("#connection-text").textContent()).toBe("");
      // The browser itself reports the status of a request, and nothing that the policy refused.
      expect(errors.filter((error) => !/status of 40[13]/.test(error))).toEqual([]);
    },
  );

  it("finds a room that was written otherwise, which only signed-in users may see", async () => {
    const site = await startSite();
    const first = await newVisitor(browser);
    await first.page.goto(`${site.url}/?room=garden`);
    await say(first.page, "the roses are out");
    await stored(first.page, "the roses are out").waitFor();
    await waitFor(async () => (await listedIn(site)).includes("garden"), "the room is listed");
    const { page, errors } = await newVisitor(browser);
    await page.goto(`${site.url}/?room=Garden`);
    await stored(page, "the roses are out").waitFor();
    expect(errors).toEqual([]);
  });

  it("tries again by itself where the site cannot tell now who is signed in", async () => {
    const site = await startSite();
    site.signedIn = "503";
    const { page } = await newVisitor(browser);
    await page.goto(site.url);
    await page.locator("#connection-text", { hasText: "Your sign-in could not be renewed yet." }).waitFor();
    site.signedIn = { sub: "ann", name: "Ann Ash" };
    await page.locator("#own-name", { hasText: "Ann Ash" }).waitFor();
  });

  it("gets another token before the first one expires, on the same connection", async () => {
    const site = await startSite();
    // `expiring` comes a minute before the end.
    site.validSeconds = 62;
    const { page } = await newVisitor(browser);
    const frames = framesOf(page);
    await page.goto(site.url);
    await page.locator("#own-name", { hasText: "Ann Ash" }).waitFor();
    site.validSeconds = 3_600;
    site.signedIn = { sub: "ann", name: "Ann Oak" };
    await page.locator("#own-name", { hasText: "Ann Oak" }).waitFor();
    expect(site.asked()).toBe(2);
    expect(frames.received.filter((type) => type === "expiring")).toHaveLength(1);
    expect(frames.received.filter((type) => type === "welcome")).toHaveLength(2);
    await say(page, "still here");
    await stored(page, "still here").waitFor();
    expect(await page.locator(".message").textContent()).toContain("Ann Oak");
    expect(frames.sent.filter((type) => type === "join")).toHaveLength(1);
  });

  it("is the same user where sockets are blocked", async () => {
    const site = await startSite();
    const doorway = await openDoorway();
    doorway.leadTo(site.port);
    doorway.block("refuse");
    const { page } = await newVisitor(browser);
    const paths: string[] = [];
    page.on("request", (request) => paths.push(new URL(request.url()).pathname));
    await page.goto(doorway.url);
    await page.locator("#own-name", { hasText: "Ann Ash" }).waitFor();
    await say(page, "by HTTP");
    await stored(page, "by HTTP").waitFor();
    expect(await page.locator(".message").textContent()).toContain("Ann Ash");
    expect(paths).toEqual(expect.arrayContaining(["/api/session", "/api/rooms/lobby/messages"]));
  });
});
