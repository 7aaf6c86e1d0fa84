import {
  MAX_REPORTS,
  type MessageReport,
  type NewReport,
  OPEN_REPORTS,
  REPORT_MS,
  type ReportOutcome,
} from "../message-reports.ts";

/** A report, and the network of the guest who made it; undefined = no guest. */
interface Kept {
  readonly report: MessageReport;
  readonly network: string | undefined;
}

/** The reports of messages in memory, with the rules of report.lua. */
export class MemoryReports {
  /** By id, oldest first. Emptied by `dismiss`, and by `sweep` of what is too old. */
  readonly #reports = new Map<string, Kept>();
  #lastId = 0;

  /** As `ReportStore.addReport`. */
  add(report: NewReport, network: string | undefined, now: number): ReportOutcome {
    this.sweep(now);
    const kept = [...this.#reports.values()];
    const known = kept.find((other) => isSame(other.report, report));
    if (known !== undefined) return { outcome: "duplicate", id: known.report.id };
    const ofUser = kept.filter((other) => other.report.by.user === report.by.user);
    if (ofUser.length >= OPEN_REPORTS.user) return { outcome: "too-many", of: "user" };
    const ofNetwork = kept.filter((other) => other.network !== undefined && other.network === network);
    if (ofNetwork.length >= OPEN_REPORTS.network) return { outcome: "too-many", of: "network" };
    if (kept.length >= MAX_REPORTS) {
      const ofGuest = kept.find((other) => other.network !== undefined);
      const dropped = ofGuest ?? (network === undefined ? kept[0] : undefined);
      if (dropped === undefined) return { outcome: "storage-full" };
      this.#reports.delete(dropped.report.id);
    }
    this.#lastId = Math.max(Math.floor(now), this.#lastId + 1);
    const id = String(this.#lastId);
    this.#reports.set(id, { report: { ...report, id, at: Math.floor(now) }, network });
    return { outcome: "stored", id };
  }

  /** As `ReportStore.messageReports`. */
  before(id: string | undefined, count: number, now: number): readonly MessageReport[] {
    this.sweep(now);
    const reports = Array.from(this.#reports.values(), ({ report }) => report).reverse();
    return reports.filter((report) => id === undefined || Number(report.id) < Number(id)).slice(0, count);
  }

  /** As `ReportStore.messageReport`. */
  of(id: string, now: number): MessageReport | undefined {
    this.sweep(now);
    return this.#reports.get(id)?.report;
  }

  /** As `ReportStore.dismissReport`. */
  dismiss(id: string): boolean {
    return this.#reports.delete(id);
  }

  /** Removes the reports that are older than `REPORT_MS`. */
  sweep(now: number): void {
    for (const [id, { report }] of this.#reports) {
      if (report.at > now - REPORT_MS) return;
      this.#reports.delete(id);
    }
  }
}

function isSame(known: NewReport, report: NewReport): boolean {
  return known.by.user === report.by.user && known.room === report.room && known.message === report.message;
}
