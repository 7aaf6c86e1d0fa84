import type { StatusView } from "../../http/status/status-view.ts";
import { byId } from "../element.ts";
import { Tile } from "./chart.ts";
import { processRows } from "./process-rows.ts";
import { ProcessRates, quantile, type Rate } from "./rates.ts";
import { bytesInWords, countInWords, msInWords, rateInWords } from "./words.ts";

type Figure = (view: StatusView, rates: readonly Rate[]) => number | undefined;

/** What is shown of all processes together, in this order. */
const FIGURES: readonly (readonly [string, (value: number) => string, Figure])[] = [
  ["Processes", countInWords, ({ processes }) => processes.length],
  ["Sockets", countInWords, ({ processes }) => sum(processes.map(({ sockets }) => sockets))],
  ["Rooms, over the processes", countInWords, ({ processes }) => sum(processes.map(({ rooms }) => rooms))],
  ["Messages a second", rateInWords, (_view, rates) => sum(rates.map(({ messages }) => messages))],
  ["Deliveries a second", rateInWords, (_view, rates) => sum(rates.map(({ deliveries }) => deliveries))],
  [
    "Stored within, 99 of 100",
    msInWords,
    ({ ackBuckets }, rates) => quantile(ackBuckets, together(rates), 0.99),
  ],
  ["Refusals a second", rateInWords, (_view, rates) => sum(rates.map(({ refusals }) => refusals))],
  [
    "Event loop late, p99, worst",
    msInWords,
    ({ processes }) => Math.max(...processes.map(({ loopDelayP99Ms }) => loopDelayP99Ms)),
  ],
  ["Memory", bytesInWords, ({ processes }) => sum(processes.map(({ resident }) => resident))],
];

/** How all processes are. */
export class Board {
  readonly #board = byId("board", HTMLElement);
  readonly #line = byId("line", HTMLOutputElement);
  readonly #rows = byId("processes", HTMLTableSectionElement);
  readonly #rates = new ProcessRates();
  readonly #tiles: readonly { readonly tile: Tile; readonly figure: Figure }[];

  constructor() {
    this.#tiles = FIGURES.map(([title, words, figure]) => ({ tile: new Tile(title, words), figure }));
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
      troubled.length === 0 ? `All processes serve. ${logInWords(view.logKind)}` : troubleInWords(troubled);
    const sentences = [states, ...warnings.map((sentence) => `${sentence}.`)];
    this.#say(sentences.join(" "), troubled.length + warnings.length > 0);
  }

  /** The processes could not be asked. */
  lost(reason: string): void {
    this.#say(`No answer: ${reason}. Trying again.`, true);
  }

  #say(sentence: string, trouble: boolean): void {
    // An output is read aloud whenever it is written, so only where something changed.
    if (this.#line.textContent !== sentence) this.#line.textContent = sentence;
    this.#line.classList.toggle("is-trouble", trouble);
  }
}

function troubleInWords(troubled: StatusView["processes"]): string {
  return troubled
    .map(({ dyno, instance, state, logReason }) => {
      const name = dyno === "" ? instance.slice(0, 6) : dyno;
      return state === "log away" ? `${name}: the log is away, ${logReason}.` : `${name} is ${state}.`;
    })
    .join(" ");
}

function logInWords(kind: string): string {
  return kind === "redis" ? "Messages are kept in Redis." : "Messages live in this process's memory only.";
}

function together(rates: readonly Rate[]): number[] {
  const longest = Math.max(0, ...rates.map(({ acks }) => acks.length));
  return Array.from({ length: longest }, (_, bucket) => sum(rates.map(({ acks }) => acks[bucket] ?? 0)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
