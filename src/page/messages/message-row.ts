import type { Outgoing } from "../../client/room/outgoing.ts";
import type { Message } from "../../client/room/timeline.ts";
import { button, element } from "../element.ts";
import type { Beginning } from "../room/beginning.ts";
import { failureText } from "../writing/send-text.ts";
import { avatar } from "./avatar.ts";
import { clockTime, dayName, exactTime } from "./dates.ts";
import { isLong } from "./fold.ts";
import { fold, type Resize } from "./folded-text.ts";
import { formattedText } from "./formatted-text.ts";
import { isEmojiOnly } from "./markup.ts";

/** Makes the line above the first message of a day. */
function dayLine(at: number): HTMLDivElement {
  return element("div", "day", element("span", "", dayName(at, Date.now())));
}

function showTime(time: HTMLTimeElement, at: number): void {
  time.textContent = clockTime(at);
  time.title = exactTime(at);
}

function byline(handle: string, at: number): HTMLParagraphElement {
  const time = element("time", "time");
  time.dateTime = new Date(at).toISOString();
  showTime(time, at);
  return element("p", "byline", element("span", "author", handle), time);
}

/**
 * Makes the text of a message. `dir`: the first letter of each line decides its direction, so that a
 * right-to-left text changes nothing around it.
 */
function textOf(text: string): HTMLDivElement {
  const made = element("div", isEmojiOnly(text) ? "text is-emoji" : "text", ...formattedText(text));
  made.dir = "auto";
  return made;
}

function contentOf(message: Message, resize: Resize): HTMLElement[] {
  if (message.withdrawn) return [element("div", "text", "This message was withdrawn.")];
  const text = textOf(message.text);
  if (message.edited) text.append(element("span", "mark", "edited"));
  return isLong(message.text, innerWidth) ? [text, fold(text, resize)] : [text];
}

/** Makes the mark on the user's own message that says that the server has it. */
function sentMark(): HTMLSpanElement {
  const mark = element("span", "sent-mark", "✓");
  mark.title = "Sent";
  mark.setAttribute("role", "img");
  mark.setAttribute("aria-label", "Sent");
  return mark;
}

/** Makes what is above a row: the day it begins, and the gap before it. */
function above(message: Message, beginning: Beginning, { unread, loadGap }: MessageRowOptions): Node[] {
  const nodes: Node[] = [];
  if (beginning.gap !== "none") {
    const gap = element("div", "gap", element("span", "", "Messages are missing here"));
    if (beginning.gap === "open") gap.append(button("Load them", "quiet-button", () => loadGap(message.id)));
    nodes.push(gap);
  }
  if (beginning.day) nodes.push(dayLine(message.at));
  if (unread !== "") nodes.push(element("div", "unread-line", element("span", "", unread)));
  return nodes;
}

export interface MessageRowOptions {
  readonly isOwn: boolean;
  /** Text of the unread line above the message; empty if it is not the first unread one. */
  readonly unread: string;
  readonly loadGap: (id: string) => void;
  readonly resize: Resize;
}

/** Makes the row of a stored message. */
export function messageRow(
  message: Message,
  beginning: Beginning,
  options: MessageRowOptions,
): HTMLLIElement {
  const { isOwn } = options;
  const row = element(
    "div",
    "message-row",
    avatar({ id: message.user, handle: message.handle }),
    byline(message.handle, message.at),
    ...contentOf(message, options.resize),
  );
  if (isOwn) row.append(sentMark());
  const item = element("li", "message", ...above(message, beginning, options), row);
  item.classList.toggle("starts", beginning.starts);
  item.classList.toggle("is-own", isOwn);
  item.classList.toggle("is-withdrawn", message.withdrawn);
  return item;
}

/**
 * Updates the times of a row after another day has begun or the time zone has changed. All else stays: what
 * is unfolded, selected or has the focus.
 */
export function renewTimes(
  item: HTMLLIElement,
  at: number,
  beginning: Pick<Beginning, "day" | "starts">,
): void {
  const time = item.querySelector("time");
  if (time !== null) showTime(time, at);
  item.classList.toggle("starts", beginning.starts);
  const line = item.querySelector(":scope > .day");
  if (!beginning.day) line?.remove();
  else if (line !== null) line.replaceWith(dayLine(at));
  else {
    const gap = item.querySelector(":scope > .gap");
    if (gap !== null) gap.after(dayLine(at));
    else item.prepend(dayLine(at));
  }
}

const WORDS = {
  queued: "Waiting to be sent",
  sending: "Sending",
  sent: "Sent",
} as const;

/** Returns the text about an outgoing message's state, with the server's reason for a wait if it gave one. */
function stateText({ state, error }: Outgoing): string {
  if (state === "failed") return failureText(error);
  return state === "queued" && error !== undefined ? `${WORDS.queued}. ${error}` : WORDS[state];
}

export interface OutgoingRowOptions {
  readonly self: { readonly id: string; readonly handle: string };
  readonly retry: (key: string) => void;
  /** Puts its text back into the composer. */
  readonly edit: (item: Outgoing) => void;
  readonly discard: (key: string) => void;
  readonly resize: Resize;
}

/** Makes the row of an outgoing message, with its state. */
export function outgoingRow(
  item: Outgoing,
  beginning: Beginning,
  { self, retry, edit, discard, resize }: OutgoingRowOptions,
): HTMLLIElement {
  const isFailed = item.state === "failed";
  const delivery = element("p", "delivery", element("span", "", stateText(item)));
  if (isFailed) {
    delivery.setAttribute("role", "alert");
    delivery.append(
      button("Retry", "", () => retry(item.key)),
      button("Edit", "", () => edit(item)),
      button("Discard", "", () => discard(item.key)),
    );
  }
  const text = textOf(item.text);
  const row = element(
    "div",
    "message-row",
    avatar(self),
    byline(self.handle, item.at),
    text,
    ...(isLong(item.text, innerWidth) ? [fold(text, resize)] : []),
    delivery,
  );
  const made = element("li", "message is-own", row);
  made.classList.add(isFailed ? "is-failed" : "is-waiting");
  made.classList.toggle("starts", beginning.starts);
  made.dataset["state"] = item.state;
  return made;
}
