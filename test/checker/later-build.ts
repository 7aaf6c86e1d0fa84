import type { Edited } from "./edits.ts";

/** Today's program, but with members, hints, entries and a feature that are not known yet. */
export const LATER_BUILD: Edited = {
  name: "a later build",
  edits: [
    {
      file: "chat/publisher.ts",
      find: "text, key }).slice(1)",
      replace: 'text, key, mood: { of: "tomorrow" } }).slice(1)',
    },
    {
      file: "store/redis/messages/append.lua",
      find: "'n', bytes, 'b', body)",
      replace: "'n', bytes, 'b', body, 'later', 'a field that nobody knows')",
    },
    {
      file: "store/ephemeral.ts",
      find: "JSON.stringify(hint)",
      replace: "JSON.stringify({ ...hint, since: 1 })",
    },
    {
      file: "store/features.ts",
      find: "= [ACCESS_FEATURE, GLOBAL_ACCESS_FEATURE];",
      replace: '= [ACCESS_FEATURE, GLOBAL_ACCESS_FEATURE, "polls"];',
    },
  ],
};
