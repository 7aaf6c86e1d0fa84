export interface NetworkPorts {
  /** Makes sure of the connection now; calls `answered` when the server has answered on it. */
  readonly probe: (answered?: () => void) => void;
  readonly changed: () => void;
}

/**
 * Whether the browser says that there is no network. Its word starts a probe and proves nothing: a server on the same
 * machine answers without a network, and "online" means no more than that some cable is plugged in.
 */
export class Network {
  readonly #ports: NetworkPorts;
  #isOffline = !navigator.onLine;

  constructor(ports: NetworkPorts) {
    this.#ports = ports;
    // A page that comes back by the browser's history was told nothing meanwhile.
    for (const name of ["online", "offline", "pageshow"]) addEventListener(name, () => this.#reported());
  }

  /** False again as soon as the server was heard. */
  get isOffline(): boolean {
    return this.#isOffline;
  }

  /** The server was heard, whatever the browser says. */
  heard(): void {
    this.#isOffline = false;
    this.#ports.changed();
  }

  #reported(): void {
    this.#isOffline = !navigator.onLine;
    this.#ports.changed();
    this.#ports.probe(() => this.heard());
  }
}
