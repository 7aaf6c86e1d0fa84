/**
 * Descriptors reserved for the Redis connections, files, log output, and connections that are accepted only
 * to be rejected.
 */
const RESERVED = 100;

/** TCP connections for HTTP, in addition to those of sockets and event streams. */
const HTTP_CONNECTIONS = 1_000;

/** HTTP's share of the descriptors if there are few. */
const HTTP_SHARE = 0.2;

/** The share of the connections that one address may have if descriptors limit them. */
const ADDRESS_SHARE = 0.75;

/** How many connections a process accepts; 0 = no limit. */
export interface Capacity {
  /** Sockets and event streams, in total and per address. */
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** TCP connections, including those of HTTP and those that never send a byte, in total and per address. */
  readonly tcp: number;
  readonly tcpPerAddress: number;
  /** Whether there are too few descriptors for the connections that the settings allow. */
  readonly isLowered: boolean;
}

/**
 * Returns how many connections a process accepts: as many as the settings say (0 = no limit), and no more
 * than its file descriptors allow when some are reserved for everything else.
 * @param descriptors undefined = not known.
 */
export function capacityOf(
  settings: { readonly maxConnections: number; readonly maxConnectionsPerAddress: number },
  descriptors: number | undefined,
): Capacity {
  const wished = settings.maxConnections === 0 ? Number.POSITIVE_INFINITY : settings.maxConnections;
  const possible = descriptors === undefined ? Number.POSITIVE_INFINITY : withoutReserve(descriptors);
  const http = Math.min(HTTP_CONNECTIONS, Math.floor(possible * HTTP_SHARE));
  const connections = Math.min(wished, possible - http);
  const isLowered = descriptors !== undefined && connections < wished && Number.isFinite(wished);
  const most = isLowered ? Math.floor(connections * ADDRESS_SHARE) : Number.POSITIVE_INFINITY;
  const perAddress = settings.maxConnectionsPerAddress;
  const connectionsPerAddress = Math.min(perAddress, most);
  return {
    connections: orNone(connections),
    connectionsPerAddress,
    tcp: orNone(connections + http),
    tcpPerAddress: perAddress === 0 ? 0 : connectionsPerAddress + http,
    isLowered,
  };
}

function withoutReserve(descriptors: number): number {
  return descriptors - Math.min(RESERVED, Math.ceil(descriptors / 2));
}

function orNone(limit: number): number {
  return Number.isFinite(limit) ? Math.max(limit, 1) : 0;
}
