const SVG = "http://www.w3.org/2000/svg";

/** Points of a chart; with one every 2 s it shows five minutes. */
const POINTS = 150;

/** Points for which a new chart has space; it fills from the right within a minute. */
const LEAST_POINTS = 30;

const HEIGHT = 40;

/** One number of all processes together: its present value, and a line of its earlier ones. */
export class Tile {
  readonly element: HTMLElement;
  readonly #title: string;
  readonly #format: (value: number) => string;
  readonly #value: HTMLElement;
  readonly #chart: SVGElement;
  readonly #line = shape("polyline");
  readonly #area = shape("polygon");
  /** Oldest first. */
  readonly #values: number[] = [];

  constructor(title: string, format: (value: number) => string) {
    this.#title = title;
    this.#format = format;
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

  /** Adds a value; undefined means that there is none now, and the line stays as it was. */
  add(value: number | undefined): void {
    this.#value.textContent = value === undefined ? "–" : this.#format(value);
    this.#values.push(value ?? this.#values.at(-1) ?? 0);
    if (this.#values.length > POINTS) this.#values.shift();
    const most = Math.max(...this.#values);
    this.#draw(most);
    const now = value === undefined ? "none" : this.#format(value);
    this.#chart.setAttribute("aria-label", `${this.#title}: ${now} now, ${this.#format(most)} at most`);
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
