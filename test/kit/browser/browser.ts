import { execFileSync } from "node:child_process";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterwards } from "../vitest/cleanup.ts";
import { type ChromiumOptions, launchChromium } from "./chromium.ts";

/**
 * How long an act or a wait may take, ms: pauses between attempts to connect are up to 20 s, and the machine
 * may be busy.
 */
const PATIENCE_MS = 45_000;

/**
 * Starts a browser without a window. It ends with the test or the file that started it, and with the process.
 */
export async function startBrowser(options: ChromiumOptions = {}): Promise<Browser> {
  const browser = await launchChromium(options);
  afterwards(() => browser.close());
  return browser;
}

/** A person with a browser of their own: nothing is shared with the others but the server. */
export interface Visitor {
  readonly page: Page;
  /** Errors of scripts and of the console, among them what the content security policy refused. */
  readonly errors: readonly string[];
}

/** Opens an empty profile. */
export async function newVisitor(browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 800 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  afterwards(() => context.close());
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") errors.push(message.text());
  });
  return { page, errors };
}

/** A key and a certificate for `localhost` that is self-signed. Needs openssl. */
export function selfSigned(): { key: string; cert: string } {
  const pem = execFileSync(
    "openssl",
    [
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(" "),
      ...["-subj", "/CN=localhost", "-keyout", "-", "-out", "-"],
    ],
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
  );
  const cut = pem.indexOf("-----BEGIN CERTIFICATE-----");
  return { key: pem.slice(0, cut), cert: pem.slice(cut) };
}
