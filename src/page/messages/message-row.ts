import type { Outgoing } from "../../client/room/outgoing.ts";
import type { Message } from "../../client/room/timeline.ts";
import { button, element } from "../element.ts";
import type { Beginning } from "../room/beginning.ts";
import { failureWords } from "../writing/send-words.ts";
import { avatar } from "./avatar.ts";
import { clockTime, dayName, exactTime } from "./dates.ts";
import { isLong } from "./fold.ts";
import { fold, type Resize } from "./folded-text.ts";
import { formattedText } from "./formatted-text.ts";
import { isEmojiOnly } from "./markup.ts";

/** Above the first message of a day. */
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

/** `dir`: each line reads as its own first letter says, so that a right-to-left text turns nothing else around. */
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

/** On one's own messages: the server has it. */
function sentMark(): HTMLSpanElement {
  const mark = element("span", "sent-mark", "✓");
  mark.title = "Sent";
  mark.setAttribute("role", "img");
  mark.setAttribute("aria-label", "Sent");
  return mark;
}

/** What is above a row: the day it begins, and what is missing there. */
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
  /** What the line above it says if it is the first that was not seen; else empty. */
  readonly unread: string;
  readonly loadGap: (id: string) => void;
  readonly resize: Resize;
}

/** A stored message. */
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
 * Shows the times of a row anew, because another day has begun or the time zone is another one. All else stays: what was
 * unfolded, selected or has the focus.
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

/** A wait that the server has explained says why. */
function stateWords({ state, error }: Outgoing): string {
  if (state === "failed") return failureWords(error);
  return state === "queued" && error !== undefined ? `${WORDS.queued}. ${error}` : WORDS[state];
}

export interface OutgoingRowOptions {
  readonly self: { readonly id: string; readonly handle: string };
  readonly retry: (key: string) => void;
  /** Takes it back to where it was written. */
  readonly edit: (item: Outgoing) => void;
  readonly discard: (key: string) => void;
  readonly resize: Resize;
}

/** A message on its way, with what becomes of it. */
export function outgoingRow(
  item: Outgoing,
  beginning: Beginning,
  { self, retry, edit, discard, resize }: OutgoingRowOptions,
): HTMLLIElement {
  const isFailed = item.state === "failed";
  const delivery = element("p", "delivery", element("span", "", stateWords(item)));
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
