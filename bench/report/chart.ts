/** One bar. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Drawn in the accent's colour. */
  readonly ours: boolean;
}

/** Bars that belong together. */
export interface BarGroup {
  readonly title: string;
  readonly bars: readonly Bar[];
}

export interface Chart {
  readonly title: string;
  /** Says to those who do not see it what it shows. */
  readonly description: string;
  /** Each power of ten as wide as the others, for values that are far apart. */
  readonly logarithmic: boolean;
  readonly groups: readonly BarGroup[];
  show(value: number): string;
}

const WIDTH = 720;
const LABELS = 190;
const FIGURES = 80;
const BAR = 18;
const PITCH = 24;
const GROUP_GAP = 34;
const TOP = 44;

/** Horizontal bars as an SVG document of its own, readable on light and dark grounds. */
export function svgChart({ title, description, logarithmic, groups, show }: Chart): string {
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value));
  const length = scale(values, logarithmic);
  const lines: string[] = [];
  let y = TOP;
  for (const group of groups) {
    lines.push(text(0, y + 14, group.title, 'font-weight="600"'));
    y += PITCH;
    for (const { label, value, ours } of group.bars) {
      const width = Math.max(1, length(value)).toFixed(1);
      const fill = ours ? "#2f6fdf" : "#8a93a3";
      lines.push(text(0, y + 14, label, ""));
      lines.push(`<rect x="${LABELS}" y="${y}" width="${width}" height="${BAR}" rx="2" fill="${fill}"/>`);
      lines.push(text(LABELS + Number(width) + 6, y + 14, show(value), ""));
      y += PITCH;
    }
    y += GROUP_GAP - PITCH;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" aria-labelledby="title description">
<title id="title">${escapeXml(title)}</title>
<desc id="description">${escapeXml(description)}</desc>
<style>text { font: 13px system-ui, sans-serif; fill: #4b5563 } @media (prefers-color-scheme: dark) { text { fill: #c3c9d3 } }</style>
${text(0, 18, title, 'font-weight="600" font-size="15"')}
${lines.join("\n")}
</svg>
`;
}

function scale(values: readonly number[], logarithmic: boolean): (value: number) => number {
  const room = WIDTH - LABELS - FIGURES;
  const most = Math.max(...values, Number.MIN_VALUE);
  if (!logarithmic) return (value) => (room * value) / most;
  // The power of ten below the smallest is where bars begin.
  const floor = 10 ** Math.floor(Math.log10(Math.min(...values)));
  const decades = Math.log10(most / floor);
  return (value) => (room * Math.log10(value / floor)) / Math.max(decades, Number.EPSILON);
}

function text(x: number, y: number, words: string, attributes: string): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escapeXml(words)}</text>`;
}

function escapeXml(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
