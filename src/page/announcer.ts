import type { Message } from "../client/timeline.ts";
import { element } from "./element.ts";

/** Milliseconds that messages are collected before they are said. */
const BATCH_MS = 1_000;
/** Messages of a batch that are read out; of more only the number is said. */
const READ_OUT = 3;
/** Code points of a text that is read out. */
const TEXT_LENGTH = 200;

/** What a screen reader is told about messages that came together. */
export function announcementOf(messages: readonly Pick<Message, "handle" | "text">[]): string {
  if (messages.length > READ_OUT) return `${messages.length} new messages`;
  return messages
    .map((message) => `${message.handle}: ${[...message.text].slice(0, TEXT_LENGTH).join("")}`)
    .join("\n");
}

/** Tells screen readers about live messages of others, in batches. */
export class Announcer {
  readonly #log: HTMLElement;
  #batch: Message[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(log: HTMLElement) {
    this.#log = log;
  }

  add(messages: readonly Message[]): void {
    if (messages.length === 0) return;
    this.#batch.push(...messages);
    this.#timer ??= setTimeout(() => this.#say(), BATCH_MS);
  }

  /** Another room is shown. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#batch = [];
    this.#log.replaceChildren();
  }

  #say(): void {
    this.#timer = undefined;
    this.#log.replaceChildren(element("p", "", announcementOf(this.#batch)));
    this.#batch = [];
  }
}
