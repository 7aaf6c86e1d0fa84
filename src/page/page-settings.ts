/** What the page must know before it connects. */
export interface PageSettings {
  readonly defaultRoom: string;
  /** Code points. */
  readonly maxTextLength: number;
}

/** Milliseconds after which the page goes on without an answer. */
const TIMEOUT_MS = 4_000;

function isSettings(value: unknown): value is PageSettings {
  if (typeof value !== "object" || value === null) return false;
  if (!("defaultRoom" in value && "maxTextLength" in value)) return false;
  return typeof value.defaultRoom === "string" && typeof value.maxTextLength === "number";
}

/** Asks the server; undefined if it does not answer in time, because the page works without. */
export async function fetchSettings(): Promise<PageSettings | undefined> {
  try {
    const response = await fetch("/page-settings.json", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const settings: unknown = await response.json();
    return response.ok && isSettings(settings) ? settings : undefined;
  } catch {
    return undefined;
  }
}
