/** What `dynochat/protocol` exports; within the source each file is imported by its own name. */

export * from "./codes.ts";
export * from "./frames.ts";
export * from "./ids.ts";
export * from "./limits.ts";
export * from "./rights.ts";
export * from "./text.ts";
