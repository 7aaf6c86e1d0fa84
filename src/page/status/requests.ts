/** Milliseconds after which a request is given up. */
export const PATIENCE_MS = 5_000;

/**
 * Requests JSON; with `body`, by POST. Rejects with the message of a refusal, or with the browser's reason why
 * there is no answer.
 */
export async function requestJson<T>(path: string, body?: object): Promise<T> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const response = await fetch(path, { signal, ...(body === undefined ? {} : posted(body)) });
  if (!response.ok) throw new Error(await reasonIn(response));
  return response.json();
}

/** Returns the options of a request that sends JSON. */
export function posted(body: object): RequestInit {
  const headers = { "Content-Type": "application/json" };
  return { method: "POST", headers, body: JSON.stringify(body) };
}

/** Returns the message of a refusal. */
export async function reasonIn(response: Response): Promise<string> {
  const { message }: { message?: string } = await response.json();
  return message ?? `The server answered ${response.status}.`;
}

/** Returns the message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
