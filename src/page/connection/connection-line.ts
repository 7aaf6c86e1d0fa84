import type { ConnectionState, WaitCause } from "../../client/connection/connection.ts";
import { type ConnectionText, connectionText, PATIENCE_MS } from "./connection-text.ts";
import { Network, type NetworkPorts } from "./network.ts";

export interface ConnectionLinePorts {
  readonly line: HTMLElement;
  /** The sentence; a screen reader announces it when it changes. */
  readonly text: HTMLElement;
  /** The seconds until the next attempt; not announced, because it changes every second. */
  readonly countdown: HTMLElement;
  readonly retry: HTMLButtonElement;
  readonly retryNow: () => void;
  readonly probe: NetworkPorts["probe"];
  /** Called with whether the line is shown. */
  readonly shown: (isShown: boolean) => void;
}

/** Shows the state of the connection while it does not work, after PATIENCE_MS or at once. */
export class ConnectionLine {
  readonly #ports: ConnectionLinePorts;
  readonly #network: Network;
  #connection: ConnectionState = { name: "idle" };
  #cause: WaitCause | undefined;
  #wasLive = false;
  #storeIsLive = true;
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
    if (connection.name === "live") {
      this.#wasLive = true;
      this.#cause = undefined;
    }
    // The server of each new connection reports again if it cannot reach its store.
    if (connection.name === "greeting") this.#storeIsLive = true;
    if (connection.name === "greeting") this.#network.heard();
    else this.#update();
  }

  statusChanged(isLive: boolean): void {
    this.#storeIsLive = isLive;
    this.#update();
  }

  #update(): void {
    clearTimeout(this.#timer);
    const now = Date.now();
    const shown = connectionText({
      connection: this.#connection,
      wasLive: this.#wasLive,
      cause: this.#cause,
      storeIsLive: this.#storeIsLive,
      isOffline: this.#network.isOffline,
    });
    if (shown === undefined) {
      this.#troubleSince = undefined;
      this.#clear();
      return;
    }
    this.#troubleSince ??= now;
    const patience = shown.atOnce ? 0 : this.#troubleSince + PATIENCE_MS - now;
    if (patience > 0) {
      this.#timer = setTimeout(() => this.#update(), patience);
      return;
    }
    this.#show(shown, now);
    if (shown.retryAt !== undefined) this.#timer = setTimeout(() => this.#update(), 1_000);
  }

  /** Empties the line. The element itself stays: screen readers announce changes only of what was there before. */
  #clear(): void {
    const { line, text, countdown, retry } = this.#ports;
    line.classList.remove("is-shown", "is-fatal");
    text.textContent = "";
    countdown.textContent = "";
    retry.hidden = true;
    this.#ports.shown(false);
  }

  #show(shown: ConnectionText, now: number): void {
    const { line, text, countdown, retry } = this.#ports;
    line.classList.add("is-shown");
    line.classList.toggle("is-fatal", shown.fatal);
    // Set only if it differs, because every write is announced.
    if (text.textContent !== shown.text) text.textContent = shown.text;
    const seconds = shown.retryAt === undefined ? 0 : Math.ceil((shown.retryAt - now) / 1_000);
    countdown.textContent = seconds > 0 ? `Next attempt in ${seconds} s` : "";
    retry.hidden = !shown.canRetry;
    this.#ports.shown(true);
  }
}
