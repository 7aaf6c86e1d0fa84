import type { StatusView } from "../../http/status/status-view.ts";
import { byId } from "../element.ts";
import { Tile } from "./chart.ts";
import { processRows } from "./process-rows.ts";
import { ProcessRates, quantile, type Rate } from "./rates.ts";
import { bytesInWords, countInWords, msInWords, rateInWords } from "./words.ts";

type Figure = (view: StatusView, rates: readonly Rate[]) => number | undefined;

/** The numbers that are shown of all processes together, in this order. */
const FIGURES: readonly (readonly [string, (value: number) => string, Figure])[] = [
  ["Processes", countInWords, ({ processes }) => processes.length],
  ["Sockets", countInWords, ({ processes }) => sum(processes.map(({ sockets }) => sockets))],
  ["Rooms, summed over processes", countInWords, ({ processes }) => sum(processes.map(({ rooms }) => rooms))],
  ["Messages per second", rateInWords, (_view, rates) => sum(rates.map(({ messages }) => messages))],
  ["Deliveries per second", rateInWords, (_view, rates) => sum(rates.map(({ deliveries }) => deliveries))],
  ["Time to store, p99", msInWords, ({ ackBuckets }, rates) => quantile(ackBuckets, together(rates), 0.99)],
  ["Refusals per second", rateInWords, (_view, rates) => sum(rates.map(({ refusals }) => refusals))],
  [
    "Event loop delay, p99, worst",
    msInWords,
    ({ processes }) => Math.max(...processes.map(({ loopDelayP99Ms }) => loopDelayP99Ms)),
  ],
  ["Memory", bytesInWords, ({ processes }) => sum(processes.map(({ resident }) => resident))],
];

/** Shows the state of all processes. */
export class Board {
  readonly #board = byId("board", HTMLElement);
  readonly #line = byId("line", HTMLOutputElement);
  readonly #rows = byId("processes", HTMLTableSectionElement);
  readonly #rates = new ProcessRates();
  readonly #tiles: readonly { readonly tile: Tile; readonly figure: Figure }[];

  constructor() {
    this.#tiles = FIGURES.map(([title, format, figure]) => ({ tile: new Tile(title, format), figure }));
    byId("tiles", HTMLElement).append(...this.#tiles.map(({ tile }) => tile.element));
  }

  set visible(visible: boolean) {
    this.#board.hidden = !visible;
  }

  show(view: StatusView): void {
    const rates = this.#rates.take(view);
    for (const { tile, figure } of this.#tiles) tile.add(figure(view, [...rates.values()]));
    this.#rows.replaceChildren(...processRows(view, rates));
    const troubled = view.processes.filter(({ state }) => state !== "serving");
    const warnings = [...new Set(view.processes.flatMap(({ logWarnings }) => logWarnings))];
    const states =
      troubled.length === 0 ? `All processes are serving. ${storeText(view.logKind)}` : troubleText(troubled);
    const sentences = [states, ...warnings.map((sentence) => `${sentence}.`)];
    this.#say(sentences.join(" "), troubled.length + warnings.length > 0);
  }

  /** Shows that the status could not be requested. */
  lost(reason: string): void {
    this.#say(`No answer: ${reason}. Retrying.`, true);
  }

  #say(sentence: string, trouble: boolean): void {
    // A screen reader announces an output whenever it is written, so it is written only if it changed.
    if (this.#line.textContent !== sentence) this.#line.textContent = sentence;
    this.#line.classList.toggle("is-trouble", trouble);
  }
}

function troubleText(troubled: StatusView["processes"]): string {
  return troubled
    .map(({ dyno, instance, state, logReason }) => {
      const name = dyno === "" ? instance.slice(0, 6) : dyno;
      return state === "log away"
        ? `${name} cannot reach its storage: ${logReason}.`
        : `${name} is ${state}.`;
    })
    .join(" ");
}

function storeText(kind: string): string {
  return kind === "redis"
    ? "Messages are kept in Redis."
    : "Messages are kept in this process's memory only.";
}

function together(rates: readonly Rate[]): number[] {
  const longest = Math.max(0, ...rates.map(({ acks }) => acks.length));
  return Array.from({ length: longest }, (_, bucket) => sum(rates.map(({ acks }) => acks[bucket] ?? 0)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
