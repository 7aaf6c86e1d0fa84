import { CLOSE } from "../protocol.ts";

/** What a peer, or `ws` for it, ends a socket with (RFC 6455, section 7.4.1). */
const PEERS = [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009] as const;

/** Stands for every code that a peer may have made up. */
export const OTHER_CODE = 0;

const COUNTED: ReadonlySet<number> = new Set([...Object.values(CLOSE), ...PEERS]);

/** The code under which a close is counted: there are few of them, whatever peers send. */
export function countedCode(code: number): number {
  return COUNTED.has(code) ? code : OTHER_CODE;
}
