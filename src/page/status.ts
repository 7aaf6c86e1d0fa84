import type { StatusView } from "../http/status/status-view.ts";
import { staleDocument } from "./connection/stale-document.ts";
import { byId } from "./element.ts";
import { Board } from "./status/board.ts";
import { ReportPanel } from "./status/report-panel.ts";
import { messageOf, PATIENCE_MS, posted, reasonIn } from "./status/requests.ts";
import { RoomTable } from "./status/room-table.ts";

/** Milliseconds between two requests. */
const LOOK_MS = 2_000;

const board = new Board();
const rooms = new RoomTable();
const reports = new ReportPanel((room) => rooms.open(room));
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
    void reports.refresh();
    void rooms.refresh();
  } catch (error) {
    showBoard(true);
    board.lost(messageOf(error));
  }
  next = setTimeout(look, LOOK_MS);
}

async function enter(key: string): Promise<void> {
  try {
    const response = await fetch("/status/session", posted({ key }));
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
  reports.clear();
  rooms.clear();
  signInError.textContent = reason;
  keyField.focus();
}

function showBoard(visible: boolean): void {
  board.visible = visible;
  signIn.hidden = visible;
  signOut.hidden = !visible;
}
