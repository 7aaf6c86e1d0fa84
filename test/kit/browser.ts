import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterwards } from "./cleanup.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

const MISSING = `No browser is on the PATH (${NAMES.join(", ")}). On Debian and Ubuntu: sudo apt-get install -y chromium; on macOS: brew install --cask chromium`;

/** No sandbox where the tests run as root, as in a container; and no talk with anybody but the page's server. */
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The browser's program. Throws with the command that installs one. */
export function findBrowser(path: string = process.env["PATH"] ?? ""): string {
  for (const name of NAMES) {
    for (const folder of path.split(delimiter)) {
      const file = join(folder, name);
      if (isExecutable(file)) return file;
    }
  }
  throw new Error(MISSING);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts a browser without a window. It ends with the test or the file that started it, and with the process. */
export async function startBrowser(): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: findBrowser(), args: ARGUMENTS });
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
  afterwards(() => context.close());
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") errors.push(message.text());
  });
  return { page, errors };
}

/** A key and a certificate for `localhost` that nobody signed. Needs openssl. */
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
