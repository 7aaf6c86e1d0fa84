import { draftOf, keepDraft } from "./drafts.ts";

export interface DraftField {
  /** Setting it tells nobody. */
  draft: string;
  /** Whether an input method is in the middle of a word. */
  readonly isComposing: boolean;
}

/**
 * The draft of the room that is shown. All tabs that show the room have the same one: each edit is stored at once and
 * shown by the others, so the tab that is typed in always wins and none has an old text to write over it. A text that could
 * not be stored, because the storage is full or off, is never replaced.
 */
export class SharedDraft {
  readonly #field: DraftField;
  #room: string | undefined;
  /** What the storage had when this tab last looked. */
  #seen = "";

  constructor(field: DraftField) {
    this.#field = field;
    // The storage tells other tabs; one that slept, or comes back by the browser's history, was told nothing.
    for (const name of ["storage", "pageshow", "focus"]) addEventListener(name, () => this.#look());
  }

  /** Shows the draft of another room. */
  open(room: string): void {
    this.#room = room;
    this.#seen = draftOf(room);
    this.#field.draft = this.#seen;
  }

  /** The text was changed here. */
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
