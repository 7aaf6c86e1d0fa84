import { hovers } from "../pointer.ts";
import { NameForm, type NameFormPorts } from "./name-form.ts";
import type { Preferences } from "./preferences.ts";

export interface OwnNamePorts extends Omit<NameFormPorts, "chosen" | "cancelled"> {
  readonly preferences: Preferences;
  /** Whether the site gives the name, so that the user is not asked for one and cannot change it. */
  readonly isFixed: boolean;
  /** The button that opens the form. */
  readonly change: HTMLButtonElement;
  /** The element that shows the name. */
  readonly shown: HTMLElement;
  /** The composer, which the form replaces, and its field. */
  readonly composer: HTMLElement;
  readonly text: HTMLElement;
  /** Called with each new name, chosen here or in another tab. */
  readonly changed: (name: string) => void;
}

/**
 * Keeps the name that the user chose, and shows the form that asks for it in place of the composer. A name that
 * the site gives is not its concern: then there is only the composer.
 */
export class OwnName {
  readonly #ports: OwnNamePorts;
  readonly #form: NameForm;
  /** The name to return to if the server refuses the one chosen last; empty for none. */
  #before = "";
  /** Whether the name was chosen in another tab, which is told too if the server refuses it. */
  #isFollowed = false;

  constructor(ports: OwnNamePorts) {
    this.#ports = ports;
    this.#form = new NameForm({
      ...ports,
      chosen: (name) => this.#chosen(name),
      cancelled: () => {
        this.#showComposer();
        // The button that opened the form is shown again.
        ports.change.focus();
      },
    });
    ports.change.addEventListener("click", () => {
      this.#ask(ports.preferences.name, true);
      ports.field.focus();
      ports.field.select();
    });
    ports.change.hidden = ports.isFixed;
    if (!ports.isFixed) ports.shown.textContent = ports.preferences.name;
    if (!ports.isFixed && ports.preferences.name === "") this.#ask("", false);
    else this.#showComposer();
  }

  /** The field in which the user writes now. */
  get field(): HTMLElement {
    return this.#form.isOpen ? this.#ports.field : this.#ports.text;
  }

  /** Moves the focus to the field in which the user writes, but opens no on-screen keyboard. */
  focus(): void {
    if (hovers()) this.field.focus({ preventScroll: true });
  }

  /** To be called when the user has chosen a name in another tab. */
  followed(): void {
    const { changed, isFixed, preferences, shown } = this.#ports;
    if (isFixed) return;
    this.#isFollowed = true;
    shown.textContent = preferences.name;
    // A user who is typing a name here is not interrupted.
    if (!this.#form.isOpen || this.#form.isUntouched) {
      const hadFocus = document.activeElement === this.field;
      this.#form.close();
      this.#showComposer();
      if (hadFocus) this.focus();
    }
    changed(preferences.name);
  }

  /** To be called when the server refuses the name; `sentence` says why. */
  refused(sentence: string): void {
    if (this.#isFollowed || this.#ports.isFixed) return;
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
