import type { ConnectionState, WaitCause } from "../../client/connection/connection.ts";

/** The text of the connection line, and how it is shown. */
export interface ConnectionText {
  readonly text: string;
  /** Whether the page will not reconnect by itself. */
  readonly fatal: boolean;
  /** Whether it is certain, and so shown at once instead of after PATIENCE_MS. */
  readonly atOnce: boolean;
  /** Whether an attempt at once may succeed. */
  readonly canRetry: boolean;
  /** Time of the next attempt, in ms since 1970 UTC; undefined if none is planned. */
  readonly retryAt: number | undefined;
}

export interface ConnectionView {
  readonly connection: ConnectionState;
  /** Whether the server has accepted the user since the page was loaded. */
  readonly wasLive: boolean;
  /** Why the connection was lost the last time. */
  readonly cause: WaitCause | undefined;
  /** Whether the server reaches its store. */
  readonly storeIsLive: boolean;
  /** Whether the browser reports that there is no network, and the server sent nothing since. */
  readonly isOffline: boolean;
}

/** Milliseconds of trouble after which the line is shown. */
export const PATIENCE_MS = 2_000;

const OFFLINE = "You are offline. What you write will be sent when you are back online.";

const NOT_SIGNED_IN = "Sign in to take part.";

const FATAL = {
  protocol: "The server did not understand this page. Reload it.",
  unauthorized: "You are signed out. Sign in again to continue.",
  forbidden: "You are not allowed to use this chat.",
  refused: "The server refused the connection.",
  origin: "The server does not allow this page's address.",
} as const;

function away({ connection, cause, isOffline }: ConnectionView): string {
  if (isOffline) return OFFLINE;
  if (cause === "restarting") return "The server is restarting. What you write will be sent in a moment.";
  if (cause === "token")
    return "Your sign-in could not be renewed yet. What you write will be sent when it is.";
  if (cause === "too-many") return "Too many requests. The server asked for a pause.";
  if (connection.name === "waiting") return "Connection lost. What you write will be sent when it is back.";
  return "Connecting…";
}

function closedText(
  { cause, reason }: Extract<ConnectionState, { name: "closed" }>,
  wasLive: boolean,
): string {
  const text = cause === "unauthorized" && !wasLive ? NOT_SIGNED_IN : FATAL[cause];
  if (reason === "") return text;
  // The server's sentence is complete; it names the address.
  return cause === "origin" ? reason : `${text} (${reason})`;
}

/** Returns the text about a connection; undefined while it works. */
export function connectionText(view: ConnectionView): ConnectionText | undefined {
  const { connection, storeIsLive, isOffline, wasLive } = view;
  switch (connection.name) {
    case "idle":
      return undefined;
    case "closed": {
      const text = closedText(connection, wasLive);
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
      if (storeIsLive) return undefined;
      const text =
        "The server cannot reach its storage. You stay connected. What you write will be sent when it is back.";
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
