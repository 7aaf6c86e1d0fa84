export interface NetworkPorts {
  /** Tests the connection now; calls `answered` when the server has answered on it. */
  readonly probe: (answered?: () => void) => void;
  readonly changed: () => void;
}

/**
 * Knows whether the browser reports that there is no network. The report starts a probe and proves nothing: a
 * server on the same machine answers without a network, and "online" means no more than that some cable is
 * plugged in.
 */
export class Network {
  readonly #ports: NetworkPorts;
  #isOffline = !navigator.onLine;

  constructor(ports: NetworkPorts) {
    this.#ports = ports;
    // A page that the browser restores from its history got no events meanwhile.
    for (const name of ["online", "offline", "pageshow"]) addEventListener(name, () => this.#reported());
  }

  /** Whether the browser reports no network; false again as soon as the server sends something. */
  get isOffline(): boolean {
    return this.#isOffline;
  }

  /** Called when the server sends something: there is a network, whatever the browser reports. */
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
