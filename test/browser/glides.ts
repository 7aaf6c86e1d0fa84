import type { Page } from "playwright-core";

/** Presses Home in a list of which older messages are to come, and waits until the oldest row that was there is where that led. */
export async function goHome(page: Page): Promise<void> {
  await page.locator("#scroller").focus();
  const [text, place] = await page.evaluate(() => {
    const scroller = document.querySelector("#scroller")!;
    const row = document.querySelector(".message .text")!;
    const { bottom } = row.getBoundingClientRect();
    return [row.textContent, bottom - scroller.getBoundingClientRect().top + scroller.scrollTop] as const;
  });
  await page.keyboard.press("Home");
  await page.waitForFunction(
    ([was, wanted]) => {
      const { top } = document.querySelector("#scroller")!.getBoundingClientRect();
      const rows = [...document.querySelectorAll(".message .text")];
      const row = rows.findIndex((each) => each.textContent === was);
      return row > 0 && Math.abs(rows[row]!.getBoundingClientRect().bottom - top - wanted) < 1;
    },
    [text, place] as const,
  );
}

/** Waits until the list, of which nothing older is to come, shows its beginning: whatever glided there has ended. */
export async function atBeginning(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector("#scroller")?.scrollTop === 0);
}
