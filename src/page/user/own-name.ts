import { hovers } from "../pointer.ts";
import { NameForm, type NameFormPorts } from "./name-form.ts";
import type { Preferences } from "./preferences.ts";

export interface OwnNamePorts extends Omit<NameFormPorts, "chosen" | "cancelled"> {
  readonly preferences: Preferences;
  /** The button that opens the form. */
  readonly change: HTMLButtonElement;
  /** Where the name stands. */
  readonly shown: HTMLElement;
  /** What the form takes the place of, and its field. */
  readonly composer: HTMLElement;
  readonly text: HTMLElement;
  /** Called with each new name, given here or in another tab. */
  readonly changed: (name: string) => void;
}

/** The name that the user gave, and the form that asks for it in place of the composer. */
export class OwnName {
  readonly #ports: OwnNamePorts;
  readonly #form: NameForm;
  /** What stays where the server refuses the name that was chosen last; empty for none. */
  #before = "";
  /** The name is of another tab, which also hears of it where the server refuses it. */
  #isFollowed = false;

  constructor(ports: OwnNamePorts) {
    this.#ports = ports;
    this.#form = new NameForm({
      ...ports,
      chosen: (name) => this.#chosen(name),
      cancelled: () => {
        this.#showComposer();
        // What was pressed to open the form is there again.
        ports.change.focus();
      },
    });
    ports.change.addEventListener("click", () => {
      this.#ask(ports.preferences.name, true);
      ports.field.focus();
      ports.field.select();
    });
    ports.shown.textContent = ports.preferences.name;
    if (ports.preferences.name === "") this.#ask("", false);
    else this.#showComposer();
  }

  /** Where what is typed belongs now. */
  get field(): HTMLElement {
    return this.#form.isOpen ? this.#ports.field : this.#ports.text;
  }

  /** Puts the focus where the user writes, but opens no keyboard on the screen. */
  focus(): void {
    if (hovers()) this.field.focus({ preventScroll: true });
  }

  /** Another tab has given a name. */
  followed(): void {
    const { changed, preferences, shown } = this.#ports;
    this.#isFollowed = true;
    shown.textContent = preferences.name;
    // Who types a name here is not interrupted.
    if (!this.#form.isOpen || this.#form.isUntouched) {
      const hadFocus = document.activeElement === this.field;
      this.#form.close();
      this.#showComposer();
      if (hadFocus) this.focus();
    }
    changed(preferences.name);
  }

  /** The server does not accept the name; `sentence` says why. */
  refused(sentence: string): void {
    if (this.#isFollowed) return;
    const { composer, preferences, shown } = this.#ports;
    const { activeElement } = document;
    const writes = activeElement === document.body || composer.contains(activeElement);
    const refused = preferences.name;
    preferences.name = this.#before;
    shown.textContent = this.#before;
    this.#ask(refused, this.#before !== "", sentence);
    if (writes) this.focus();
  }

  #ask(name: string, canCancel: boolean, error?: string): void {
    this.#ports.composer.hidden = true;
    this.#form.open(name, canCancel, error);
  }

  #chosen(name: string): void {
    const { changed, preferences, shown, text } = this.#ports;
    this.#before = preferences.name;
    this.#isFollowed = false;
    preferences.name = name;
    shown.textContent = name;
    this.#showComposer();
    changed(name);
    text.focus();
  }

  #showComposer(): void {
    this.#ports.composer.hidden = false;
  }
}
