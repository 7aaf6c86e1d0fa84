const HOVER = matchMedia("(hover: hover)");

/**
 * Returns whether the main pointer hovers, as a mouse does. On a touch screen, focus in a field opens an
 * on-screen keyboard.
 */
export function hovers(): boolean {
  return HOVER.matches;
}

/** Calls the listener now and after each change, as when a tablet is docked. */
export function onHoverChanged(listener: (isHovering: boolean) => void): void {
  HOVER.addEventListener("change", () => listener(HOVER.matches));
  listener(HOVER.matches);
}
