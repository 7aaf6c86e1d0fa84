import fastify from "fastify";
import type { Browser, BrowserContext } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { dynochat } from "../../src/plugin.ts";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { giveName, say, stored } from "../kit/browser/chat-page.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser({ isWhole: true });
});

interface Counted {
  readonly url: string;
  /** What was asked for; sockets are left out. */
  readonly asked: string[];
}

/** The program in this process. `changed` makes another document of the one that is sent. */
async function startCounted(changed?: (html: string) => string): Promise<Counted> {
  const app = fastify({ forceCloseConnections: true });
  const asked: string[] = [];
  app.addHook("onRequest", async ({ headers, url }) => {
    if (headers.upgrade === undefined) asked.push(url);
    if (changed !== undefined) headers["accept-encoding"] = "identity";
  });
  app.addHook("onSend", async ({ url }, reply, payload) => {
    if (url !== "/" || !Buffer.isBuffer(payload) || changed === undefined) return payload;
    reply.removeHeader("etag");
    return changed(payload.toString());
  });
  await app.register(dynochat, { shutdownSeconds: 0 });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  afterwards(() => app.close());
  return { url, asked };
}

/** Opens a room in a new tab, and waits until it is joined. */
async function visit(context: BrowserContext, url: string): Promise<void> {
  const page = await context.newPage();
  await page.goto(url);
  await page.locator(".person", { hasText: "Ada" }).waitFor({ state: "attached" });
  await page.waitForLoadState("networkidle");
}

describe("a browser that was here before", () => {
  it.each([
    ["/", []],
    // A name that this browser does not know may be another spelling of a room that exists.
    ["/?room=garden", ["/api/rooms"]],
  ])("asks for the document of %s only", async (path, questions) => {
    const { url, asked } = await startCounted();
    const { page } = await newVisitor(browser);
    await page.goto(url + path);
    await giveName(page, "Ada");
    await page.locator(".person", { hasText: "Ada" }).waitFor({ state: "attached" });
    await page.waitForLoadState("networkidle");
    // A browser with a window asks for the manifest, too.
    const first = asked.filter((each) => !each.endsWith(".webmanifest"));
    expect(first.map((each) => each.replace(/-[0-9A-Z]{8}/, "")).sort()).toEqual(
      [path, "/build/icon.svg", "/build/main.js", "/build/page.css", ...questions].sort(),
    );
    await page.close();
    asked.length = 0;
    await visit(page.context(), url + path);
    expect(asked).toEqual([path]);
  });

  it("asks for the document of the operator's page only, and for the numbers", async () => {
    const { url, asked } = await startCounted();
    const { page } = await newVisitor(browser);
    await page.goto(`${url}/status`);
    await page.getByLabel("A key of API_KEYS").waitFor();
    const first = asked.length;
    expect(first).toBeGreaterThan(3);
    const again = await page.context().newPage();
    await again.goto(`${url}/status`);
    await again.getByLabel("A key of API_KEYS").waitFor();
    expect(new Set(asked.slice(first))).toEqual(new Set(["/status", "/status/fleet"]));
  });
});

describe("a page whose document comes from a process of another version", () => {
  it("works with the script and the styles of the process that answers", async () => {
    const { url, asked } = await startCounted((html) =>
      html.replaceAll(/-[0-9A-Z]{8}(?=\.\w+")/g, "-AAAAAAAA"),
    );
    const { page, errors } = await newVisitor(browser);
    await page.goto(url);
    await giveName(page, "Ada");
    await say(page, "hello");
    await stored(page, "hello").waitFor();
    const layout = await page.locator(".app").evaluate((app) => getComputedStyle(app).display);
    expect(layout).toBe("grid");
    expect(asked).toEqual(expect.arrayContaining(["/build/main-AAAAAAAA.js", "/build/page-AAAAAAAA.css"]));
    expect(errors).toEqual([]);
  });

  it("is loaded again where the document lacks what the script needs", async () => {
    let documents = 0;
    const { url } = await startCounted((html) => {
      documents += 1;
      return documents === 1 ? html.replace('id="copy-link"', "") : html;
    });
    const { page, errors } = await newVisitor(browser);
    await page.goto(url);
    await page.locator("#copy-link").waitFor({ state: "attached" });
    await giveName(page, "Ada");
    await say(page, "hello");
    await stored(page, "hello").waitFor();
    expect(documents).toBe(2);
    expect(errors).toEqual(["The page has no HTMLButtonElement #copy-link"]);
  });
});
