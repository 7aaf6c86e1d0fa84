import type { StatusView } from "../http/status/status-view.ts";
import { staleDocument } from "./connection/stale-document.ts";
import { byId } from "./element.ts";
import { Board } from "./status/board.ts";

/** Milliseconds between two requests. */
const LOOK_MS = 2_000;

/** Milliseconds after which a request is given up. */
const PATIENCE_MS = 5_000;

const board = new Board();
const signIn = byId("sign-in", HTMLFormElement);
const signInError = byId("sign-in-error", HTMLElement);
const keyField = byId("key", HTMLInputElement);
const signOut = byId("sign-out", HTMLButtonElement);
staleDocument.reset();
let next: number | undefined;

signIn.addEventListener("submit", (event) => {
  event.preventDefault();
  void enter(keyField.value.trim());
});
signOut.addEventListener("click", () => void leave());
void look();

/** Requests and shows the status, and again after LOOK_MS; asks for a key if one is needed. */
async function look(): Promise<void> {
  clearTimeout(next);
  try {
    const response = await fetch("/status/fleet", { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (response.status === 401 || response.status === 403) {
      askForKey(response.status === 403 ? await reasonIn(response) : "");
      return;
    }
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const view: StatusView = await response.json();
    showBoard(true);
    board.show(view);
  } catch (error) {
    showBoard(true);
    board.lost(error instanceof Error ? error.message : String(error));
  }
  next = setTimeout(look, LOOK_MS);
}

async function enter(key: string): Promise<void> {
  try {
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify({ key });
    const response = await fetch("/status/session", { method: "POST", headers, body });
    if (!response.ok) {
      askForKey(await reasonIn(response));
      return;
    }
    keyField.value = "";
    await look();
  } catch {
    askForKey("The server cannot be reached.");
  }
}

async function leave(): Promise<void> {
  clearTimeout(next);
  // Without an answer the next request shows whether it worked.
  await fetch("/status/session", { method: "DELETE" }).catch(() => undefined);
  await look();
}

function askForKey(reason: string): void {
  showBoard(false);
  signInError.textContent = reason;
  keyField.focus();
}

function showBoard(visible: boolean): void {
  board.visible = visible;
  signIn.hidden = visible;
  signOut.hidden = !visible;
}

async function reasonIn(response: Response): Promise<string> {
  const { message }: { message?: string } = await response.json();
  return message ?? `The server answered ${response.status}.`;
}
