import { element } from "../element.ts";
import { type Piece, piecesOf, shownAddress } from "./markup.ts";

function link(href: string): HTMLAnchorElement {
  const { before, host, after } = shownAddress(href);
  const made = element("a", "", before, element("span", "link-host", host), after);
  made.href = href;
  made.rel = "noopener noreferrer nofollow";
  made.target = "_blank";
  return made;
}

function node(piece: Piece): Node | string {
  switch (piece.kind) {
    case "text":
      return piece.text;
    case "link":
      return link(piece.href);
    case "code":
      return element("code", "", piece.text);
    case "block": {
      const block = element("pre", "", element("code", "", piece.text));
      // A scrollable element must be reachable without a mouse.
      block.tabIndex = 0;
      return block;
    }
    case "bold":
      return element("strong", "", ...piece.pieces.map(node));
    case "italic":
      return element("em", "", ...piece.pieces.map(node));
  }
}

/** Returns a message's text as nodes: only the supported markup becomes elements, all else stays text. */
export function formattedText(message: string): (Node | string)[] {
  return piecesOf(message).map(node);
}
