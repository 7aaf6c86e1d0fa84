import type { Outgoing } from "../client/outgoing.ts";
import type { Message } from "../client/timeline.ts";
import { avatar } from "./avatar.ts";
import type { Beginning } from "./beginning.ts";
import { clockTime, dayName, exactTime } from "./dates.ts";
import { button, element } from "./element.ts";
import { formattedText } from "./formatted-text.ts";
import { isEmojiOnly } from "./markup.ts";

function byline(handle: string, at: number): HTMLParagraphElement {
  const time = element("time", "time", clockTime(at));
  time.dateTime = new Date(at).toISOString();
  time.title = exactTime(at);
  return element("p", "byline", element("span", "author", handle), time);
}

/** `dir`: each line reads as its own first letter says, so that a right-to-left text turns nothing else around. */
function textOf(text: string): HTMLDivElement {
  const made = element("div", isEmojiOnly(text) ? "text is-emoji" : "text", ...formattedText(text));
  made.dir = "auto";
  return made;
}

function contentOf(message: Message): HTMLDivElement {
  if (message.withdrawn) return element("div", "text", "This message was withdrawn.");
  const text = textOf(message.text);
  if (message.edited) text.append(element("span", "mark", "edited"));
  return text;
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
function above(message: Message, beginning: Beginning, { isUnread, loadGap }: MessageRowOptions): Node[] {
  const nodes: Node[] = [];
  if (beginning.gap !== "none") {
    const gap = element("div", "gap", element("span", "", "Messages are missing here"));
    if (beginning.gap === "open") gap.append(button("Load them", "quiet-button", () => loadGap(message.id)));
    nodes.push(gap);
  }
  if (beginning.day) nodes.push(element("div", "day", element("span", "", dayName(message.at, Date.now()))));
  if (isUnread) nodes.push(element("div", "unread-line", element("span", "", "New messages")));
  return nodes;
}

export interface MessageRowOptions {
  readonly isOwn: boolean;
  /** It is the first that was not seen. */
  readonly isUnread: boolean;
  readonly loadGap: (id: string) => void;
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
    contentOf(message),
  );
  if (isOwn) row.append(sentMark());
  const item = element("li", "message", ...above(message, beginning, options), row);
  item.classList.toggle("starts", beginning.starts);
  item.classList.toggle("is-own", isOwn);
  item.classList.toggle("is-withdrawn", message.withdrawn);
  return item;
}

const WORDS: Readonly<Record<Outgoing["state"], string>> = {
  queued: "Waiting to be sent",
  sending: "Sending",
  sent: "Sent",
  failed: "Not sent",
};

export interface OutgoingRowOptions {
  readonly self: { readonly id: string; readonly handle: string };
  readonly retry: (key: string) => void;
  readonly discard: (key: string) => void;
}

/** A message on its way, with what becomes of it. */
export function outgoingRow(
  item: Outgoing,
  beginning: Beginning,
  { self, retry, discard }: OutgoingRowOptions,
): HTMLLIElement {
  const isFailed = item.state === "failed";
  const words = isFailed && item.error !== undefined ? `Not sent. ${item.error}` : WORDS[item.state];
  const delivery = element("p", "delivery", element("span", "", words));
  if (isFailed) {
    delivery.setAttribute("role", "alert");
    delivery.append(
      button("Retry", "", () => retry(item.key)),
      button("Discard", "", () => discard(item.key)),
    );
  }
  const row = element(
    "div",
    "message-row",
    avatar(self),
    byline(self.handle, item.at),
    textOf(item.text),
    delivery,
  );
  const made = element("li", "message is-own", row);
  made.classList.add(isFailed ? "is-failed" : "is-waiting");
  made.classList.toggle("starts", beginning.starts);
  made.dataset["state"] = item.state;
  return made;
}
