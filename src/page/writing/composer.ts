import { trimText } from "../../protocol/text.ts";
import { hovers, onHoverChanged } from "../pointer.ts";
import { codePoints } from "./code-points.ts";

/** Remaining code points from which on the counter is shown. */
const COUNTER_FROM = 200;
/** `keyCode` of keys that an input method handles; in Safari the only sign of it. */
const INPUT_METHOD = 229;

export interface ComposerPorts {
  readonly form: HTMLFormElement;
  readonly field: HTMLTextAreaElement;
  readonly counter: HTMLElement;
  readonly error: HTMLElement;
  readonly send: HTMLButtonElement;
  /** Code points. */
  readonly limit: () => number;
  /** Sends the text. Returns a sentence that says why it was not accepted; undefined if it was. */
  readonly submit: (text: string) => string | undefined;
  readonly typing: (on: boolean) => void;
  /** Called with the text after the user has changed it. */
  readonly edited: (draft: string) => void;
}

/**
 * The field in which the user writes. A bad connection never disables it. It is cleared when the text is
 * accepted.
 */
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
    // A press on Send does not move the focus: else an on-screen keyboard would close after each message.
    ports.send.addEventListener("mousedown", (event) => event.preventDefault());
    onHoverChanged((isHovering) => {
      ports.field.enterKeyHint = isHovering ? "send" : "enter";
    });
  }

  /** Whether an input method is composing a word. */
  get isComposing(): boolean {
    return this.#isComposing;
  }

  /** The text in the field. */
  get draft(): string {
    return this.#ports.field.value;
  }

  set draft(text: string) {
    this.#ports.field.value = text;
    this.#measure();
  }

  /** Puts a text that was sent before the present one, to be changed and sent again. */
  takeBack(text: string): void {
    this.draft = this.draft.trim() === "" ? text : `${text}\n${this.draft}`;
    this.#ports.edited(this.draft);
  }

  #pressed(event: KeyboardEvent): void {
    if (event.key !== "Enter" || event.shiftKey || event.altKey) return;
    // An on-screen keyboard has no Shift+Enter: there Enter breaks the line, and the Send button sends.
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
