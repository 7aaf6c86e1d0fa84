import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";

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

export interface ChromiumOptions {
  /** Whether pages are kept as they are for the way back, as for people; the driver switches that off. */
  readonly keepsPages?: boolean;
}

/** Starts a browser without a window. Whoever starts it closes it. */
export function launchChromium({ keepsPages = false }: ChromiumOptions = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: findBrowser(),
    args: ARGUMENTS,
    ignoreDefaultArgs: keepsPages ? ["--disable-back-forward-cache"] : [],
  });
}
