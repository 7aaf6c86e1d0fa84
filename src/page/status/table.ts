import { element } from "../element.ts";

type Cell = Node | string;

/** Makes a table; the first cell of each row is its header. */
export function table(caption: string, heads: readonly string[], rows: readonly Cell[][]): HTMLElement {
  const made = element("table", "processes is-text", element("caption", "", caption));
  const cells = heads.map((head) => header("col", head));
  made.append(element("thead", "", element("tr", "", ...cells)), element("tbody", "", ...rows.map(rowOf)));
  return element("div", "table-scroller", made);
}

function rowOf([first = "", ...others]: Cell[]): HTMLTableRowElement {
  return element("tr", "", header("row", first), ...others.map((cell) => element("td", "", cell)));
}

function header(scope: "row" | "col", content: Cell): HTMLTableCellElement {
  const made = element("th", "", content);
  made.scope = scope;
  return made;
}
