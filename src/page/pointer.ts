const HOVER = matchMedia("(hover: hover)");

/** Whether the main pointer hovers, as a mouse does. Where it is a finger, the focus in a field opens a keyboard on the screen. */
export function hovers(): boolean {
  return HOVER.matches;
}

/** Calls the listener now and after each change, as when a tablet is docked. */
export function onHoverChanged(listener: (isHovering: boolean) => void): void {
  HOVER.addEventListener("change", () => listener(HOVER.matches));
  listener(HOVER.matches);
}
