import { splitAddresses } from "./addresses.ts";
import { element } from "./element.ts";

/** A message's text as nodes: text stays text, addresses become links. */
export function linkedText(message: string): (Node | string)[] {
  return splitAddresses(message).map((part) => {
    if (part.href === undefined) return part.text;
    const link = element("a", "", part.text);
    link.href = part.href;
    link.rel = "noopener noreferrer nofollow";
    link.target = "_blank";
    return link;
  });
}
