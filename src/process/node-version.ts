/**
 * The oldest major version of Node.js on which everything works; see "engines" in package.json. Newer ones
 * are never refused.
 */
const OLDEST = 20;

/** The major version that the Dockerfile and the platform run. */
const RECOMMENDED = 24;

/**
 * Returns why this version of Node.js cannot run the program, or undefined. An older version would start it
 * and fail at the first message. This file imports nothing, because it must load where the rest does not.
 */
export function refusedNode(version: string = process.versions.node): string | undefined {
  const major = Number.parseInt(version, 10);
  return major < OLDEST ? `it needs Node.js ${OLDEST} or newer, and this is ${version}` : undefined;
}

/**
 * Days from which on releases of Node.js get no more security fixes, from https://github.com/nodejs/release;
 * newer releases are missing.
 */
const END_OF_LIFE: Readonly<Record<number, string>> = {
  20: "2026-04-30",
  21: "2024-06-01",
  22: "2027-04-30",
  23: "2025-06-01",
  24: "2028-04-30",
};

/**
 * Returns a warning about a version of Node.js that gets no more security fixes; undefined if it does, or if
 * that is unknown.
 */
export function outdatedNode(version: string = process.versions.node, now = Date.now()): string | undefined {
  const end = END_OF_LIFE[Number.parseInt(version, 10)];
  if (end === undefined || now < Date.parse(end)) return undefined;
  return `Node.js ${version} has had no security fixes since ${end}; use ${RECOMMENDED}`;
}
