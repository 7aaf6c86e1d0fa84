import { LIMITS } from "../protocol.ts";
import { codePoints } from "./code-points.ts";

export interface NameFormPorts {
  readonly form: HTMLFormElement;
  readonly field: HTMLInputElement;
  readonly error: HTMLElement;
  readonly chosen: (name: string) => void;
}

/** Asks what people should call one. */
export class NameForm {
  readonly #ports: NameFormPorts;

  constructor(ports: NameFormPorts) {
    this.#ports = ports;
    ports.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Shows the form in place of what it stands for. */
  open(name: string): void {
    this.#ports.form.hidden = false;
    this.#ports.field.value = name;
    this.#ports.error.textContent = "";
  }

  /** Opens it with the reason why a name was not taken. */
  refuse(name: string, sentence: string): void {
    this.open(name);
    this.#ports.error.textContent = sentence;
  }

  #submit(): void {
    const { form, field, error, chosen } = this.#ports;
    const name = field.value.trim().normalize("NFKC");
    if (name === "") {
      error.textContent = "Type a name first.";
    } else if (codePoints(name) > LIMITS.handleLength) {
      error.textContent = `A name has at most ${LIMITS.handleLength} characters.`;
    } else {
      form.hidden = true;
      chosen(name);
    }
  }
}
