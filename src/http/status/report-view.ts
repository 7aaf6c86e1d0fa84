/** The answers of `/status/reports`, which the operator's page reads. */

/** A message that a user has reported. */
export interface ReportView {
  readonly id: string;
  /** When it was reported, ms since 1970. */
  readonly at: number;
  readonly room: string;
  /** The id of the message. */
  readonly message: string;
  /** The sender of the message. */
  readonly user: string;
  readonly handle: string;
  readonly text: string;
  readonly by: {
    readonly user: string;
    readonly handle: string;
    readonly kind: "guest" | "site" | "program";
  };
  readonly reason?: string | undefined;
}

/** The answer of `GET /status/reports`: the newest report first. */
export interface ReportsView {
  readonly reports: readonly ReportView[];
  /** Whether there are older ones. */
  readonly more: boolean;
}
