/** Content codings that are sent, the preferred one first. */
export const CODINGS = ["br", "gzip", "identity"] as const;
export type Coding = (typeof CODINGS)[number];

/**
 * Returns the coding that an Accept-Encoding header prefers (RFC 9110, section 12.5.3); of equal ones the
 * first of `CODINGS`. Without a header, or if it names none of them, that is `identity`. Returns undefined if
 * the header excludes all.
 */
export function codingFor(accepted: string | undefined): Coding | undefined {
  const qualities = new Map((accepted ?? "").split(",").map(qualityOf));
  const others = qualities.get("*");
  // A coding that is acceptable without being named comes last.
  const unnamed = { br: 0, gzip: 0, identity: Number.MIN_VALUE };
  let best: Coding | undefined;
  let most = 0;
  for (const coding of CODINGS) {
    const quality = qualities.get(coding) ?? others ?? unnamed[coding];
    if (quality > most) [best, most] = [coding, quality];
  }
  return best;
}

/** Returns a coding of the header, in lower case, and its quality: 0 excludes it. */
function qualityOf(element: string): readonly [coding: string, quality: number] {
  const [coding = "", ...parameters] = element.split(";").map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith("q="));
  const quality = weight === undefined ? 1 : Number(weight.slice("q=".length));
  return [coding, quality >= 0 && quality <= 1 ? quality : 0];
}
