import type { ConnectionState, WaitCause } from "../../client/connection/connection.ts";

/** What the connection line says. */
export interface ConnectionWords {
  readonly text: string;
  /** Whether it will not mend by itself. */
  readonly fatal: boolean;
  /** Whether it is certain: said at once, not only after PATIENCE_MS. */
  readonly atOnce: boolean;
  /** Whether trying at once may help. */
  readonly canRetry: boolean;
  /** When the next attempt comes, in ms since 1970 UTC. */
  readonly retryAt: number | undefined;
}

export interface ConnectionView {
  readonly connection: ConnectionState;
  /** Why it was lost the last time. */
  readonly cause: WaitCause | undefined;
  /** Whether the server reaches its log. */
  readonly logIsLive: boolean;
  /** The browser says that there is no network, and nothing was heard since. */
  readonly isOffline: boolean;
}

/** Milliseconds of trouble that are not worth a word. */
export const PATIENCE_MS = 2_000;

const OFFLINE = "You are offline. What you write is sent when you are back.";

const FATAL = {
  protocol: "The server did not understand this page. Load it again.",
  unauthorized: "You are signed out. Sign in again to go on.",
  forbidden: "You are not allowed here.",
  refused: "The server does not let you in.",
  origin: "This page's address is not allowed by the server.",
} as const;

function away({ connection, cause, isOffline }: ConnectionView): string {
  if (isOffline) return OFFLINE;
  if (cause === "restarting") return "The server is restarting. What you write is sent in a moment.";
  if (cause === "token") return "Your sign-in could not be renewed yet. What you write is sent when it is.";
  if (cause === "too-many") return "Too much at once: the server asked for a pause.";
  if (connection.name === "waiting") return "Connection lost. What you write is sent when it is back.";
  return "Connecting…";
}

function closedText({ cause, reason }: Extract<ConnectionState, { name: "closed" }>): string {
  if (reason === "") return FATAL[cause];
  // The server's sentence says it whole, with the address.
  return cause === "origin" ? reason : `${FATAL[cause]} (${reason})`;
}

/** What to say about a connection; undefined where all is well. */
export function connectionText(view: ConnectionView): ConnectionWords | undefined {
  const { connection, logIsLive, isOffline } = view;
  switch (connection.name) {
    case "idle":
      return undefined;
    case "closed": {
      const text = closedText(connection);
      return {
        text,
        fatal: true,
        atOnce: true,
        canRetry: connection.cause !== "forbidden",
        retryAt: undefined,
      };
    }
    case "live": {
      if (isOffline) {
        return { text: OFFLINE, fatal: false, atOnce: true, canRetry: false, retryAt: undefined };
      }
      if (logIsLive) return undefined;
      const text =
        "The server cannot reach its storage. You stay connected; what you write is sent when it is back.";
      return { text, fatal: false, atOnce: false, canRetry: false, retryAt: undefined };
    }
    case "waiting":
      return {
        text: away(view),
        fatal: false,
        atOnce: isOffline,
        canRetry: connection.cause !== "too-many",
        retryAt: connection.retryAt,
      };
    default:
      return { text: away(view), fatal: false, atOnce: isOffline, canRetry: false, retryAt: undefined };
  }
}
