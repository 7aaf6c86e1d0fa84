/**
 * Reports of messages: what users tell the operators. A report holds the message as it was, because the
 * history may be trimmed before somebody judges it.
 */

/**
 * Most reports that are kept; the oldest is dropped for a new one, those of guests first. A guest's report
 * drops only those of guests.
 */
export const MAX_REPORTS = 1_000;

/**
 * Most reports of one user that nobody has dismissed, and of all guests of one network together. Beyond that
 * a report is refused, and none is dropped for it: guests can be made without end, so that one of them could
 * push out all other reports.
 */
export const OPEN_REPORTS = { user: 20, network: 40 } as const;

/** How long a report is kept, ms: 30 days. */
export const REPORT_MS = 30 * 86_400_000;

/** A user who reports a message. */
export interface Reporter {
  readonly user: string;
  readonly handle: string;
  readonly kind: "guest" | "site" | "program";
}

/** A report to be stored. */
export interface NewReport {
  readonly room: string;
  /** The id of the message. */
  readonly message: string;
  /** The sender of the message. */
  readonly user: string;
  readonly handle: string;
  readonly text: string;
  readonly by: Reporter;
  /** A sentence for operators; undefined = none. */
  readonly reason: string | undefined;
}

/** A stored report. */
export interface MessageReport extends NewReport {
  /** Decimal digits; a later report has a larger number. */
  readonly id: string;
  /** When it was stored, by the store's clock, ms since 1970 UTC. */
  readonly at: number;
}

/** The outcome of a report. */
export type ReportOutcome =
  | { readonly outcome: "stored"; readonly id: string }
  /** The user has reported the message before, and nobody has dismissed that report, which has this id. */
  | { readonly outcome: "duplicate"; readonly id: string }
  /**
   * The user, or the guests of the network, have as many reports as `OPEN_REPORTS` allows. Nothing was
   * stored.
   */
  | { readonly outcome: "too-many"; readonly of: keyof typeof OPEN_REPORTS }
  /**
   * The store is out of space, or the space for reports is used by users who are no guests. Nothing was
   * stored.
   */
  | { readonly outcome: "storage-full" }
  /** It is unknown whether it was stored; the same report again finds out. */
  | { readonly outcome: "unavailable" };

/** The part of the store that keeps reports. */
export interface ReportStore {
  /**
   * Stores a report, atomically with its limits. Never rejects; answers within `LIMITS.unavailableMs`.
   * @param network of a guest. Not stored, only a keyed digest of it, as long as the report is kept.
   */
  addReport(report: NewReport, network: string | undefined): Promise<ReportOutcome>;

  /**
   * Returns at most `count` reports made before the one with that id (undefined = the newest), newest first.
   * Rejects with StoreUnavailable.
   */
  messageReports(before: string | undefined, count: number): Promise<readonly MessageReport[]>;

  /** Returns a report; undefined if there is none with that id. Rejects with StoreUnavailable. */
  messageReport(id: string): Promise<MessageReport | undefined>;

  /**
   * Removes a report, also when the store is out of space; returns whether there was one. Rejects with
   * StoreUnavailable.
   */
  dismissReport(id: string): Promise<boolean>;
}

/** Returns a report as JSON text. */
export function encodeReport({ room, message, user, handle, text, by, reason }: NewReport): string {
  return JSON.stringify({ room, message, user, handle, text, by, reason });
}

/** Reads what `encodeReport` returned; undefined if it is something else. */
export function decodeReport(encoded: string): NewReport | undefined {
  const { room, message, user, handle, text, by, reason } = fieldsOf(parse(encoded));
  const reporter = reporterIn(by);
  if (reporter === undefined || typeof room !== "string" || typeof message !== "string") return undefined;
  if (typeof user !== "string" || typeof handle !== "string" || typeof text !== "string") return undefined;
  if (reason !== undefined && typeof reason !== "string") return undefined;
  return { room, message, user, handle, text, by: reporter, reason };
}

function reporterIn(value: unknown): Reporter | undefined {
  const { user, handle, kind } = fieldsOf(value);
  if (typeof user !== "string" || typeof handle !== "string") return undefined;
  if (kind !== "guest" && kind !== "site" && kind !== "program") return undefined;
  return { user, handle, kind };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
