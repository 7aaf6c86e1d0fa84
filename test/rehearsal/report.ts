import type { Measure } from "./measures.ts";
import type { Rehearsal } from "./rehearsal.ts";

/** The table of acts, GitHub's Markdown. */
export function actsTable(measures: readonly Measure[]): string {
  const head = [
    "what happens",
    "clients without service",
    "median",
    "longest",
    "slowest message",
    "reconnects",
    "a second, average",
    "most",
    "machine stood still",
  ];
  const rows = measures.map((measure) => [
    measure.act,
    String(measure.interrupted),
    duration(measure.medianMs),
    duration(measure.longestMs),
    duration(measure.slowestEchoMs),
    String(measure.reconnects),
    measure.averageRate.toFixed(1),
    String(measure.peakRate),
    duration(measure.stallMs),
  ]);
  return markdownTable(head, rows);
}

/** The counts over the whole rehearsal, GitHub's Markdown. */
export function countsTable({ messages, deliveries, faults, routerErrors }: Rehearsal): string {
  const errors = [...routerErrors].map(([code, n]) => `${code} ${n}`).join(", ");
  return markdownTable(
    ["messages", "deliveries", "lost", "doubled", "reordered", "errors of the router"],
    [
      [
        String(messages),
        String(deliveries),
        String(faults.lost),
        String(faults.doubled),
        String(faults.reordered),
        errors === "" ? "none" : errors,
      ],
    ],
  );
}

/** As the formatter writes it: every column as wide as its widest cell. */
function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** Between these lines of a document the figures stand; the rehearsal replaces what is there. */
const MARKS = { begin: "<!-- figures of npm run rehearse -->", end: "<!-- end of figures -->" };

/** What goes into a document: `head` says how it was measured, `tail` what else was seen. */
export function figuresOf(head: string, rehearsal: Rehearsal, tail: string): string {
  return [head, actsTable(rehearsal.measures), countsTable(rehearsal), `${tail}.`].join("\n\n");
}

/** The document with other figures between two marks. Throws where the marks are not there. */
export function withFigures(document: string, figures: string, marks = MARKS): string {
  const [begin, end] = [document.indexOf(marks.begin), document.indexOf(marks.end)];
  if (begin < 0 || end < begin) throw new Error("the document has no place for figures");
  return `${document.slice(0, begin)}${marks.begin}\n\n${figures}\n\n${document.slice(end)}`;
}
