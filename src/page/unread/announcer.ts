import type { Message } from "../../client/room/timeline.ts";
import { element } from "../element.ts";
import { announcementOf } from "./announcement.ts";

/** Milliseconds for which messages are collected before they are announced. */
const BATCH_MS = 1_000;
/** Announces live messages of others to screen readers, in batches. */
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

  /** Forgets what is not announced yet, because another room is shown. */
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
