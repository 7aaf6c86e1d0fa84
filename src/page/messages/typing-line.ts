import type { Person } from "../../protocol/frames.ts";

/** Up to this many names are shown; of more people only that they are several. */
const NAMES = 3;

/** "Ada is typing", with up to three names: names and the words between them take turns, a name first. */
export function typingParts(people: readonly Pick<Person, "handle">[]): readonly string[] {
  if (people.length > NAMES) return ["", "Several people are typing"];
  return people.flatMap(({ handle }, index) => {
    const left = people.length - 1 - index;
    if (left > 0) return [handle, left === 1 ? " and " : ", "];
    return [handle, people.length === 1 ? " is typing" : " are typing"];
  });
}
