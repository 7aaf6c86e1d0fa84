import { trimText } from "../../protocol/text.ts";
import { hovers, onHoverChanged } from "../pointer.ts";
import { codePoints } from "./code-points.ts";

/** Code points left from which on the counter shows. */
const COUNTER_FROM = 200;
/** `keyCode` of keys that an input method has taken; the only sign of it in Safari. */
const INPUT_METHOD = 229;

export interface ComposerPorts {
  readonly form: HTMLFormElement;
  readonly field: HTMLTextAreaElement;
  readonly counter: HTMLElement;
  readonly error: HTMLElement;
  readonly send: HTMLButtonElement;
  /** Code points. */
  readonly limit: () => number;
  /** Returns a sentence that says why the text is not taken; undefined if it is. */
  readonly submit: (text: string) => string | undefined;
  readonly typing: (on: boolean) => void;
  /** What stands there is another text now, by a person's hand. */
  readonly edited: (draft: string) => void;
}

/** Where the user writes. Never shut by a bad connection; the text is cleared once it is taken. */
export class Composer {
  readonly #ports: ComposerPorts;
  #isComposing = false;

  constructor(ports: ComposerPorts) {
    this.#ports = ports;
    ports.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    ports.field.addEventListener("keydown", (event) => this.#pressed(event));
    ports.field.addEventListener("input", () => this.#edited());
    for (const name of ["compositionstart", "compositionend"]) {
      ports.field.addEventListener(name, () => {
        this.#isComposing = name === "compositionstart";
      });
    }
    // A press on Send leaves the focus where it is: else an on-screen keyboard goes away after each message.
    ports.send.addEventListener("mousedown", (event) => event.preventDefault());
    onHoverChanged((isHovering) => {
      ports.field.enterKeyHint = isHovering ? "send" : "enter";
    });
  }

  /** Whether an input method is in the middle of a word. */
  get isComposing(): boolean {
    return this.#isComposing;
  }

  /** What stands there unsent. */
  get draft(): string {
    return this.#ports.field.value;
  }

  set draft(text: string) {
    this.#ports.field.value = text;
    this.#measure();
  }

  /** Puts a text that was sent before what stands there, to be changed and sent anew. */
  takeBack(text: string): void {
    this.draft = this.draft.trim() === "" ? text : `${text}\n${this.draft}`;
    this.#ports.edited(this.draft);
  }

  #pressed(event: KeyboardEvent): void {
    if (event.key !== "Enter" || event.shiftKey || event.altKey) return;
    // An on-screen keyboard has no Shift+Enter: there Enter breaks the line, and Send is beside the text.
    if (!(hovers() || event.ctrlKey || event.metaKey)) return;
    if (event.isComposing || event.keyCode === INPUT_METHOD) return;
    event.preventDefault();
    this.#submit();
  }

  #edited(): void {
    this.#ports.typing(this.draft.trim() !== "");
    this.#ports.edited(this.draft);
    this.#measure();
  }

  #submit(): void {
    const text = trimText(this.draft);
    if (text === "") return;
    const refusal = this.#ports.submit(text);
    if (refusal !== undefined) {
      this.#ports.error.textContent = refusal;
      return;
    }
    this.draft = "";
    this.#ports.edited("");
  }

  #measure(): void {
    const { counter, error, field } = this.#ports;
    const left = this.#ports.limit() - codePoints(trimText(this.draft));
    counter.textContent = left > COUNTER_FROM ? "" : left < 0 ? `${-left} too many` : `${left} left`;
    counter.classList.toggle("is-over", left < 0);
    error.textContent = "";
    if (CSS.supports("field-sizing", "content")) return;
    field.style.blockSize = "auto";
    field.style.blockSize = `${field.scrollHeight}px`;
  }
}
