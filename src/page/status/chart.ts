const SVG = "http://www.w3.org/2000/svg";

/** Points of a chart; at one every 2 s it reaches back five minutes. */
const POINTS = 150;

/** A young chart has room for this many: it fills from the right within a minute. */
const LEAST_POINTS = 30;

const HEIGHT = 40;

/** One number of the whole fleet: what it is now, and a line of what it was. */
export class Tile {
  readonly element: HTMLElement;
  readonly #title: string;
  readonly #words: (value: number) => string;
  readonly #value: HTMLElement;
  readonly #chart: SVGElement;
  readonly #line = shape("polyline");
  readonly #area = shape("polygon");
  /** The oldest first. */
  readonly #values: number[] = [];

  constructor(title: string, words: (value: number) => string) {
    this.#title = title;
    this.#words = words;
    this.#value = document.createElement("p");
    this.#value.className = "tile-value";
    this.#chart = shape("svg");
    this.#chart.setAttribute("preserveAspectRatio", "none");
    this.#chart.setAttribute("class", "tile-chart");
    this.#chart.setAttribute("role", "img");
    this.#chart.append(this.#area, this.#line);
    const heading = document.createElement("h2");
    heading.textContent = title;
    this.element = document.createElement("article");
    this.element.className = "tile";
    this.element.append(heading, this.#value, this.#chart);
  }

  /** Adds a value; undefined = there is none now, and the line goes on as it was. */
  add(value: number | undefined): void {
    this.#value.textContent = value === undefined ? "–" : this.#words(value);
    this.#values.push(value ?? this.#values.at(-1) ?? 0);
    if (this.#values.length > POINTS) this.#values.shift();
    const most = Math.max(...this.#values);
    this.#draw(most);
    const now = value === undefined ? "none" : this.#words(value);
    this.#chart.setAttribute("aria-label", `${this.#title}: ${now} now, ${this.#words(most)} at most`);
  }

  #draw(most: number): void {
    const scale = most === 0 ? 0 : (HEIGHT - 2) / most;
    const width = Math.max(LEAST_POINTS, this.#values.length) - 1;
    const first = width + 1 - this.#values.length;
    this.#chart.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const points = this.#values.map((value, index) => `${first + index},${HEIGHT - 1 - value * scale}`);
    this.#line.setAttribute("points", points.join(" "));
    this.#area.setAttribute("points", [`${first},${HEIGHT}`, ...points, `${width},${HEIGHT}`].join(" "));
  }
}

function shape(name: "svg" | "polyline" | "polygon"): SVGElement {
  return document.createElementNS(SVG, name);
}
