import type { ConnectionState, WaitCause } from "../../client/connection/connection.ts";
import { type ConnectionWords, connectionText, PATIENCE_MS } from "./connection-words.ts";
import { Network, type NetworkPorts } from "./network.ts";

export interface ConnectionLinePorts {
  readonly line: HTMLElement;
  /** Announced when it changes. */
  readonly text: HTMLElement;
  /** Not announced: it changes every second. */
  readonly countdown: HTMLElement;
  readonly retry: HTMLButtonElement;
  readonly retryNow: () => void;
  readonly probe: NetworkPorts["probe"];
  /** The line is there, or is not. */
  readonly shown: (isShown: boolean) => void;
}

/** Says what is happening to the connection, once it is worth saying. */
export class ConnectionLine {
  readonly #ports: ConnectionLinePorts;
  readonly #network: Network;
  #connection: ConnectionState = { name: "idle" };
  #cause: WaitCause | undefined;
  #logIsLive = true;
  #troubleSince: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ports: ConnectionLinePorts) {
    this.#ports = ports;
    ports.retry.addEventListener("click", ports.retryNow);
    this.#network = new Network({ probe: ports.probe, changed: () => this.#update() });
  }

  connectionChanged(connection: ConnectionState): void {
    this.#connection = connection;
    if (connection.name === "waiting") this.#cause = connection.cause;
    if (connection.name === "live") this.#cause = undefined;
    // Each connection tells anew where its server stands.
    if (connection.name === "greeting") this.#logIsLive = true;
    if (connection.name === "greeting") this.#network.heard();
    else this.#update();
  }

  statusChanged(isLive: boolean): void {
    this.#logIsLive = isLive;
    this.#update();
  }

  #update(): void {
    clearTimeout(this.#timer);
    const now = Date.now();
    const words = connectionText({
      connection: this.#connection,
      cause: this.#cause,
      logIsLive: this.#logIsLive,
      isOffline: this.#network.isOffline,
    });
    if (words === undefined) {
      this.#troubleSince = undefined;
      this.#clear();
      return;
    }
    this.#troubleSince ??= now;
    const patience = words.atOnce ? 0 : this.#troubleSince + PATIENCE_MS - now;
    if (patience > 0) {
      this.#timer = setTimeout(() => this.#update(), patience);
      return;
    }
    this.#show(words, now);
    if (words.retryAt !== undefined) this.#timer = setTimeout(() => this.#update(), 1_000);
  }

  /** Nothing to say. The line itself stays: screen readers announce changes only of what was there before. */
  #clear(): void {
    const { line, text, countdown, retry } = this.#ports;
    line.classList.remove("is-shown", "is-fatal");
    text.textContent = "";
    countdown.textContent = "";
    retry.hidden = true;
    this.#ports.shown(false);
  }

  #show(words: ConnectionWords, now: number): void {
    const { line, text, countdown, retry } = this.#ports;
    line.classList.add("is-shown");
    line.classList.toggle("is-fatal", words.fatal);
    // Only a change of words is announced.
    if (text.textContent !== words.text) text.textContent = words.text;
    const seconds = words.retryAt === undefined ? 0 : Math.ceil((words.retryAt - now) / 1_000);
    countdown.textContent = seconds > 0 ? `Next try in ${seconds} s` : "";
    retry.hidden = !words.canRetry;
    this.#ports.shown(true);
  }
}
