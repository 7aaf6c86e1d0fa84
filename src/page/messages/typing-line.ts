import type { Person } from "../../protocol/frames.ts";

/** Names at most; of more people the line says only that there are several. */
const NAMES = 3;

/**
 * Returns the parts of "Ada is typing", with up to three names: names and the words between them alternate,
 * beginning with a name.
 */
export function typingParts(people: readonly Pick<Person, "handle">[]): readonly string[] {
  if (people.length > NAMES) return ["", "Several people are typing"];
  return people.flatMap(({ handle }, index) => {
    const left = people.length - 1 - index;
    if (left > 0) return [handle, left === 1 ? " and " : ", "];
    return [handle, people.length === 1 ? " is typing" : " are typing"];
  });
}
