import type { Person } from "../protocol.ts";

/** "Ada is typing", with up to three names. */
export function typingWords(people: readonly Person[]): string {
  const [first, second, third] = people.map((person) => person.handle);
  if (first === undefined) return "";
  if (second === undefined) return `${first} is typing`;
  if (third === undefined) return `${first} and ${second} are typing`;
  if (people.length === 3) return `${first}, ${second} and ${third} are typing`;
  return "Several people are typing";
}
