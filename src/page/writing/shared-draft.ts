import { draftOf, keepDraft } from "./drafts.ts";

export interface DraftField {
  /** The text in the field. Setting it calls no listener. */
  draft: string;
  /** Whether an input method is composing a word. */
  readonly isComposing: boolean;
}

/**
 * The draft of the room that is shown. All tabs that show the room have the same one: each edit is stored at
 * once and shown by the others, so the tab in which the user types always wins, and none overwrites it with
 * an older text. A text that could not be stored, because the storage is full or off, is never replaced.
 */
export class SharedDraft {
  readonly #field: DraftField;
  #room: string | undefined;
  /** The stored draft when this tab last read it. */
  #seen = "";

  constructor(field: DraftField) {
    this.#field = field;
    // Other tabs get a storage event; one that slept, or that the browser restores from its history, got
    // none.
    for (const name of ["storage", "pageshow", "focus"]) addEventListener(name, () => this.#look());
  }

  /** Shows the draft of another room. */
  open(room: string): void {
    this.#room = room;
    this.#seen = draftOf(room);
    this.#field.draft = this.#seen;
  }

  /** To be called after the user has changed the text in this tab. */
  edited(text: string): void {
    if (this.#room === undefined) return;
    keepDraft(this.#room, text);
    this.#seen = draftOf(this.#room);
  }

  #look(): void {
    if (this.#room === undefined || this.#field.isComposing) return;
    const stored = draftOf(this.#room);
    if (stored === this.#seen || this.#field.draft !== this.#seen) return;
    this.#seen = stored;
    this.#field.draft = stored;
  }
}
