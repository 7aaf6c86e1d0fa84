import { staleDocument } from "./connection/stale-document.ts";

/** Makes an element with a class (none if empty) and children; strings become text, never markup. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className !== "") made.className = className;
  made.append(...children);
  return made;
}

/** Makes a button that submits no form. */
export function button(label: string, className: string, pressed: () => void): HTMLButtonElement {
  const made = element("button", className, label);
  made.type = "button";
  made.addEventListener("click", pressed);
  return made;
}

/**
 * Returns the element of the document with that id. Throws if there is none of that kind, and reloads the
 * document.
 */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  staleDocument.begin();
  throw new Error(`The page has no ${kind.name} #${id}`);
}
