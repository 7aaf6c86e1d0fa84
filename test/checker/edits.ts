/** A piece of a source file and what stands in its place. Whitespace does not count when it is looked for. */
export interface Edit {
  /** Below `src`. */
  readonly file: string;
  /** Must be there exactly once, in the source and in what is built of it: it may hold no types. */
  readonly find: string;
  readonly replace: string;
}

/** A change of the program, and how it is called where it does not fit any more. */
export interface Edited {
  readonly name: string;
  readonly edits: readonly Edit[];
}

/** Returns where the built form of a source file lies, below `dist`. */
export function builtName(file: string): string {
  return file.replace(/\.ts$/, ".js");
}

/**
 * Returns the text of a file with those edits of a change that are about it, in their order. Throws if a piece
 * is there more than once or not at all: then the change must be renewed.
 */
export function applyEdits({ name, edits }: Edited, file: string, text: string): string {
  return edits
    .filter((edit) => edit.file === file)
    .reduce((before, { find, replace }) => {
      const [place, ...more] = placesOf(find, before);
      if (place === undefined || more.length > 0) {
        const times = place === undefined ? 0 : more.length + 1;
        throw new Error(`"${name}" must be renewed: ${file} has ${times} times, instead of once:\n${find}`);
      }
      return before.slice(0, place.start) + replace + before.slice(place.end);
    }, text);
}

interface Place {
  readonly start: number;
  readonly end: number;
}

function placesOf(piece: string, text: string): Place[] {
  const wanted = piece.replace(/\s/g, "");
  /** Where each character that is no whitespace stands. */
  const positions = Array.from(text.matchAll(/\S/g), ({ index }) => index);
  const dense = text.replace(/\s/g, "");
  const places: Place[] = [];
  for (let at = dense.indexOf(wanted); at !== -1; at = dense.indexOf(wanted, at + 1)) {
    const start = positions[at];
    const last = positions[at + wanted.length - 1];
    if (start !== undefined && last !== undefined) places.push({ start, end: last + 1 });
  }
  return places;
}
