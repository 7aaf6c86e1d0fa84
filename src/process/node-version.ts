/** The oldest major version of Node.js that everything here works on; package.json, "engines". Newer ones are never refused. */
const OLDEST = 20;

/** The version that Dockerfile and platform run. */
const RECOMMENDED = 24;

/**
 * Returns why this version of Node.js cannot run the program, or undefined. An older one starts it and then fails at the first
 * message. This file imports nothing: it must load where the rest does not.
 */
export function refusedNode(version: string = process.versions.node): string | undefined {
  const major = Number.parseInt(version, 10);
  return major < OLDEST ? `it needs Node.js ${OLDEST} or newer, and this is ${version}` : undefined;
}

/** The days on which releases of Node.js get no more security fixes, as https://github.com/nodejs/release has them; newer ones are not known here. */
const END_OF_LIFE: Readonly<Record<number, string>> = {
  20: "2026-04-30",
  21: "2024-06-01",
  22: "2027-04-30",
  23: "2025-06-01",
  24: "2028-04-30",
};

/** Returns what to say of a version of Node.js that gets no more security fixes; undefined where it does, or that is not known. */
export function outdatedNode(version: string = process.versions.node, now = Date.now()): string | undefined {
  const end = END_OF_LIFE[Number.parseInt(version, 10)];
  if (end === undefined || now < Date.parse(end)) return undefined;
  return `Node.js ${version} has had no security fixes since ${end}; use ${RECOMMENDED}`;
}
