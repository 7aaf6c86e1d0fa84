/** The oldest major version of Node.js that everything here works on; package.json, "engines". Newer ones are never refused. */
const OLDEST = 20;

/**
 * Returns why this version of Node.js cannot run the program, or undefined. An older one starts it and then fails at the first
 * message. This file imports nothing: it must load where the rest does not.
 */
export function refusedNode(version: string = process.versions.node): string | undefined {
  const major = Number.parseInt(version, 10);
  return major < OLDEST ? `it needs Node.js ${OLDEST} or newer, and this is ${version}` : undefined;
}
