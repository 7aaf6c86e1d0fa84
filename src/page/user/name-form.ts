import { LIMITS } from "../../protocol/limits.ts";

export interface NameFormPorts {
  readonly form: HTMLFormElement;
  readonly field: HTMLInputElement;
  readonly error: HTMLElement;
  readonly submit: HTMLButtonElement;
  readonly cancel: HTMLButtonElement;
  readonly chosen: (name: string) => void;
  /** Called when the form is cancelled: the name stays as it was. */
  readonly cancelled: () => void;
}

/** Asks the user for a name. */
export class NameForm {
  readonly #ports: NameFormPorts;
  /** The name with which the form was opened. */
  #given = "";

  constructor(ports: NameFormPorts) {
    this.#ports = ports;
    ports.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    ports.cancel.addEventListener("click", () => this.#cancel());
    ports.form.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing) this.#cancel();
    });
  }

  get isOpen(): boolean {
    return !this.#ports.form.hidden;
  }

  /** Whether the user has typed nothing in it. */
  get isUntouched(): boolean {
    return this.#ports.field.value === this.#given;
  }

  /** Shows the form in place of the composer. It can be cancelled if there is a name to keep. */
  open(name: string, canCancel: boolean, error = ""): void {
    const { form, field, submit } = this.#ports;
    form.hidden = false;
    this.#given = name;
    field.value = name;
    submit.textContent = canCancel ? "Save" : "Start writing";
    this.#ports.cancel.hidden = !canCancel;
    this.#ports.error.textContent = error;
  }

  close(): void {
    this.#ports.form.hidden = true;
  }

  #cancel(): void {
    if (this.#ports.cancel.hidden) return;
    this.close();
    this.#ports.cancelled();
  }

  #submit(): void {
    const { field, error, chosen } = this.#ports;
    const name = field.value.trim().normalize("NFKC");
    if (name === "") {
      error.textContent = "Enter a name first.";
    } else if ([...new Intl.Segmenter().segment(name)].length > LIMITS.handleLength) {
      error.textContent = `A name has at most ${LIMITS.handleLength} characters.`;
    } else {
      this.close();
      chosen(name);
    }
  }
}
