import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { newVisitor, startBrowser } from "../kit/browser/browser.ts";
import { giveName, say, stored } from "../kit/browser/chat-page.ts";
import { type Server, startServer } from "../kit/servers/server.ts";

let browser: Browser;
let server: Server;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});

async function enter(room: string) {
  const { page, errors } = await newVisitor(browser);
  await page.goto(`${server.url}/?room=${room}`);
  await giveName(page, "Ada");
  await page.locator(".person", { hasText: "Ada" }).waitFor();
  return { page, errors };
}

/** Opens the same room in another tab of the same browser. */
async function anotherTab(page: Page): Promise<Page> {
  const tab = await page.context().newPage();
  await tab.goto(page.url());
  await tab.locator(".person").first().waitFor();
  return tab;
}

const ownName = (page: Page) => page.locator("#own-name");
const nameField = (page: Page) => page.getByLabel("What should people call you?");
const message = (page: Page) => page.getByLabel("Message", { exact: true });
const focused = (page: Page) => page.evaluate(() => document.activeElement?.id);

/** Waits until the composer holds that text. */
async function draftIs(page: Page, text: string): Promise<void> {
  await page.waitForFunction(
    (expected) => document.querySelector<HTMLTextAreaElement>("#text")?.value === expected,
    text,
  );
}

describe("a change of name", () => {
  it("is cancelled with Escape and with a button, and the focus goes back to where it began", async () => {
    const { page, errors } = await enter("cancel");
    await message(page).fill("a draft");
    const change = page.getByRole("button", { name: "Change name" });
    for (const leave of [
      () => page.keyboard.press("Escape"),
      () => page.getByRole("button", { name: "Cancel" }).click(),
    ]) {
      await change.click();
      expect(await focused(page)).toBe("name");
      await page.keyboard.type("Bea");
      await leave();
      await change.waitFor();
      expect(await focused(page)).toBe("change-name");
      expect(await ownName(page).textContent()).toBe("Ada");
      expect(await message(page).inputValue()).toBe("a draft");
      expect(await page.evaluate(() => localStorage.getItem("dynochat.name"))).toBe("Ada");
    }
    await change.click();
    expect(await nameField(page).inputValue()).toBe("Ada");
    expect(errors).toEqual([]);
  });

  it("that the server refuses is cancelled too, and the name before stays, also over a reload", async () => {
    const { page } = await enter("refused");
    await page.getByRole("button", { name: "Change name" }).click();
    await nameField(page).fill("system");
    await page.getByRole("button", { name: "Save" }).click();
    await page.locator("#name-error").getByText(/./).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Change name" }).waitFor();
    expect(await ownName(page).textContent()).toBe("Ada");
    await page.reload();
    await page.getByRole("button", { name: "Change name" }).waitFor();
    expect(await ownName(page).textContent()).toBe("Ada");
  });

  it("goes on where Escape only ends the composition of an input method", async () => {
    const { page } = await enter("composed");
    await page.getByRole("button", { name: "Change name" }).click();
    await nameField(page).evaluate((field) => {
      const init = { key: "Escape", bubbles: true, cancelable: true, isComposing: true };
      field.dispatchEvent(new KeyboardEvent("keydown", init));
    });
    expect(await nameField(page).isVisible()).toBe(true);
  });

  it("cannot be cancelled before there is a name", async () => {
    const { page } = await newVisitor(browser);
    await page.goto(`${server.url}/?room=first`);
    await nameField(page).focus();
    await page.keyboard.press("Escape");
    expect(await nameField(page).isVisible()).toBe(true);
    expect(await page.getByRole("button", { name: "Cancel" }).isVisible()).toBe(false);
  });
});

describe("two tabs of one browser", () => {
  it("have one name: the one given last, in either of them", async () => {
    const { page: first } = await enter("one-name");
    const second = await anotherTab(first);
    for (const [here, there, name] of [
      [first, second, "Bea"],
      [second, first, "Cleo"],
    ] as const) {
      await here.getByRole("button", { name: "Change name" }).click();
      await nameField(here).fill(name);
      await here.getByRole("button", { name: "Save" }).click();
      await ownName(there).getByText(name, { exact: true }).waitFor();
      await there.locator(".person", { hasText: name }).waitFor();
      expect(await there.locator(".person").count()).toBe(1);
    }
    await say(first, "from the other tab");
    await stored(second, "from the other tab").waitFor();
    expect(await second.locator(".author").textContent()).toBe("Cleo");
  });

  it("ask for a first name once", async () => {
    const { page: first } = await newVisitor(browser);
    await first.goto(`${server.url}/?room=asked-once`);
    const second = await first.context().newPage();
    await second.goto(first.url());
    await nameField(second).waitFor();
    await giveName(first, "Ada");
    await message(second).waitFor();
    expect(await ownName(second).textContent()).toBe("Ada");
  });

  it("have one draft: the other shows what is typed, a reload keeps it, and sending clears it in both", async () => {
    const { page: first } = await enter("one-draft");
    const second = await anotherTab(first);
    await message(first).fill("begun here");
    await draftIs(second, "begun here");
    await message(second).pressSequentially(", ended there");
    await draftIs(first, "begun here, ended there");
    await first.reload();
    await draftIs(first, "begun here, ended there");
    await first.keyboard.press("Enter");
    await stored(second, "begun here, ended there").waitFor();
    await draftIs(second, "");
  });

  it("keep a text that could not be stored", async () => {
    const { page: first } = await enter("full");
    const second = await anotherTab(first);
    await first.evaluate(() => {
      Storage.prototype.setItem = () => {
        throw new DOMException("full", "QuotaExceededError");
      };
    });
    await message(first).fill("only here");
    await message(second).fill("stored");
    // The other tab's edit has arrived when the storage event of a later write has.
    await first.waitForFunction(() => localStorage.getItem("dynochat.draft.full") === "stored");
    await first.evaluate(() => dispatchEvent(new Event("focus")));
    expect(await message(first).inputValue()).toBe("only here");
  });

  it("have one list of rooms: a visit in one does not drop a visit of the other", async () => {
    const { page: first } = await enter("rooms-a");
    const second = await anotherTab(first);
    for (const [page, room] of [
      [first, "rooms-b"],
      [second, "rooms-c"],
    ] as const) {
      await page.getByLabel("Open or create a room").fill(room);
      await page.keyboard.press("Enter");
      await page.getByText(`Nothing has been said in #${room} yet.`).waitFor();
    }
    await first.getByRole("link", { name: "rooms-c" }).waitFor();
    await second.getByRole("link", { name: "rooms-b" }).waitFor();
  });
});
