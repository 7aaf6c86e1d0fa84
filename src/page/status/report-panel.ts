import type { ReportsView, ReportView } from "../../http/status/report-view.ts";
import type { RoomAccessChange } from "../../http/status/room-view.ts";
import { button, byId, element } from "../element.ts";
import { messageOf, requestJson } from "./requests.ts";
import { accessOf, MUTE_SECONDS } from "./room-panel.ts";
import { timeInWords } from "./words.ts";

/** Milliseconds between two looks for new reports. */
const REPORTS_MS = 10_000;

/** Sends what a button says, and fulfils when it is done. */
type Act = () => Promise<unknown>;

/**
 * The reports of messages, with buttons that act on them. New reports are looked for, and shown when a button
 * is pressed: items that move by themselves would put another user's button under the pointer.
 */
export class ReportPanel {
  readonly #line = byId("reports-line", HTMLOutputElement);
  readonly #content = byId("reports-content", HTMLElement);
  readonly #newer = button("Show new reports", "act", () => void this.#read());
  readonly #older = button("Show older reports", "act", () => void this.#read(this.#last));
  readonly #openRoom: (room: string) => void;
  /** The newest report's id when the newest were shown last. */
  #newest = 0;
  /** The id of the oldest report that is shown; empty = none is shown. */
  #last = "";
  #nextAt = 0;

  constructor(openRoom: (room: string) => void) {
    this.#openRoom = openRoom;
  }

  /** Looks for new reports, if that is due. Shows them at once where none are shown. */
  async refresh(): Promise<void> {
    const now = performance.now();
    if (now < this.#nextAt) return;
    const due = now + REPORTS_MS;
    this.#nextAt = due;
    try {
      const view = await requestJson<ReportsView>("/status/reports");
      if (this.#nextAt !== due) return;
      if (this.#last === "") this.#show(view);
      else this.#newer.hidden = Number(view.reports[0]?.id ?? 0) <= this.#newest;
    } catch (error) {
      if (this.#nextAt === due) this.#say(messageOf(error), true);
    }
  }

  /** Forgets what was shown: nobody is signed in. */
  clear(): void {
    this.#nextAt = 0;
    this.#last = "";
    this.#content.replaceChildren();
    this.#say("", false);
  }

  /** Reads and shows the reports before an id; without one, the newest. */
  async #read(before?: string): Promise<void> {
    const query = before === undefined ? "" : `?before=${before}`;
    try {
      const view = await requestJson<ReportsView>(`/status/reports${query}`);
      // Nobody may be signed in any more.
      if (this.#nextAt > 0) this.#show(view, before === undefined);
    } catch (error) {
      this.#say(messageOf(error), true);
    }
  }

  #show({ reports, more }: ReportsView, areNewest = true): void {
    if (areNewest) this.#newest = Number(reports[0]?.id ?? 0);
    this.#last = reports.at(-1)?.id ?? "";
    this.#newer.hidden = areNewest;
    this.#older.hidden = !more;
    const shown = element("ol", "reports", ...reports.map((report) => this.#itemOf(report)));
    shown.ariaLabel = "Reports, newest first";
    this.#content.replaceChildren(this.#newer, ...(reports.length > 0 ? [shown] : []), this.#older);
    this.#say(reports.length > 0 ? "" : "There are no reports of rooms that your key may moderate.", false);
  }

  #itemOf({ id, at, room, user, handle, text, by, reason }: ReportView): HTMLElement {
    const change =
      (right: RoomAccessChange): Act =>
      () =>
        requestJson(accessOf(room), right);
    const acts = element(
      "p",
      "",
      this.#button("Mute 10 min", handle, change({ user, right: "read", seconds: MUTE_SECONDS })),
      this.#button("Shut out", handle, change({ user, right: "none" })),
      this.#button("Dismiss", `report of ${handle}`, async () => {
        await requestJson(`/status/reports/${id}/dismiss`, {});
        // The item stays where it is: a second press must not meet the next report's button.
        acts.replaceChildren("Dismissed");
        acts.focus();
      }),
    );
    acts.tabIndex = -1;
    const open = button(room, "act", () => this.#openRoom(room));
    open.ariaLabel = `Open room ${room}`;
    const quotation = element("blockquote", "", text);
    // A long text scrolls, by keyboard too.
    quotation.tabIndex = 0;
    const why = reason === undefined ? [] : [": ", element("bdi", "", reason)];
    const made = element(
      "p",
      "report-note",
      "Reported by ",
      person(by.handle, by.user),
      ", ",
      timeInWords(at),
      ...why,
    );
    return element("li", "", element("p", "", open, person(handle, user)), quotation, made, acts);
  }

  #button(label: string, name: string, act: Act): HTMLButtonElement {
    const made = button(label, "act", async () => {
      try {
        await act();
        this.#say(`${label}: ${name}, done.`, false);
      } catch (error) {
        this.#say(messageOf(error), true);
      }
    });
    made.ariaLabel = `${label}: ${name}`;
    return made;
  }

  #say(sentence: string, trouble: boolean): void {
    this.#line.hidden = sentence === "";
    this.#line.textContent = sentence;
    this.#line.classList.toggle("is-trouble", trouble);
  }
}

/** Returns a user's name and id; the name cannot change the direction of what is beside it. */
function person(handle: string, id: string): HTMLElement {
  return element("span", "", element("bdi", "", handle), ` (${id})`);
}
