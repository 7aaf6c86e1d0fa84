import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";

/** Browsers as people have them. */
const WHOLE = ["chromium", "chromium-browser", "google-chrome"];
/** The same engine without windows, which takes a third of the processor's time for a page; where there is none, a whole one. */
const ANY = ["chromium-headless-shell", ...WHOLE];

const MISSING = `No browser is on the PATH (${WHOLE.join(", ")}). On Debian and Ubuntu: sudo apt-get install -y chromium; on macOS: brew install --cask chromium`;

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

/** Returns the path of the browser's program. Throws with the command that installs one. */
export function findBrowser(
  path: string = process.env["PATH"] ?? "",
  names: readonly string[] = ANY,
): string {
  for (const name of names) {
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

export interface ChromiumOptions {
  /** For what only a browser with windows does: it asks for the icon. */
  readonly isWhole?: boolean;
  /** Whether pages are kept as they are for the way back, as for people, by a whole browser; the driver switches that off. */
  readonly keepsPages?: boolean;
}

/** Starts a browser without a window. Whoever starts it closes it. */
export function launchChromium({
  keepsPages = false,
  isWhole = keepsPages,
}: ChromiumOptions = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: findBrowser(undefined, isWhole ? WHOLE : ANY),
    args: ARGUMENTS,
    ignoreDefaultArgs: keepsPages ? ["--disable-back-forward-cache"] : [],
  });
}
