import type { ProcessView, StatusView } from "../../http/status/status-view.ts";
import { element } from "../element.ts";
import type { Rate } from "./rates.ts";
import { bytesInWords, countInWords, durationInWords, msInWords, rateInWords } from "./words.ts";

/** Makes the rows of the table of processes. */
export function processRows(
  { now, processes }: StatusView,
  rates: ReadonlyMap<string, Rate>,
): HTMLTableRowElement[] {
  return processes.map((process) => row(process, now, rates.get(process.instance)));
}

function row(process: ProcessView, now: number, rate: Rate | undefined): HTMLTableRowElement {
  const name = element("th", "", nameOf(process));
  name.scope = "row";
  name.title = `instance ${process.instance}, Node ${process.node}`;
  const state = element("span", process.state === "serving" ? "state" : "state is-trouble", process.state);
  state.title = process.logReason;
  const cells = [
    durationInWords(now - process.startedAt),
    process.release === "" ? process.version : `${process.release} (${process.version})`,
    countInWords(process.sockets),
    countInWords(process.rooms),
    rateInWords(rate?.messages ?? 0),
    rateInWords(rate?.deliveries ?? 0),
    process.roundTripAgeMs === null ? "–" : `${msInWords(process.roundTripAgeMs)} ago`,
    msInWords(process.loopDelayP99Ms),
    bytesInWords(process.resident),
    `${Math.round((100 * process.heapUsed) / process.heapLimit)} %`,
  ];
  return element("tr", "", name, element("td", "", state), ...cells.map((text) => element("td", "", text)));
}

function nameOf({ dyno, instance }: ProcessView): string {
  const short = instance.slice(0, 6);
  return dyno === "" ? short : `${dyno} ${short}`;
}
