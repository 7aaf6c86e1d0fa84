import { type FastifyServerOptions, LogController } from "fastify";

/** The logger options of an app whose lines a test reads; the app itself logs no requests. */
export interface AppLog {
  readonly server: FastifyServerOptions;
  /** Every line so far, joined. */
  readonly text: () => string;
  /** The lines with this `event`, parsed. */
  readonly lines: (event: string) => Record<string, unknown>[];
}

/** Returns a stream at the level `trace` that keeps its lines. */
export function appLog(): AppLog {
  const written: string[] = [];
  const stream = { write: (line: string) => void written.push(line) };
  return {
    server: {
      logger: { level: "trace", stream },
      logController: new LogController({ disableRequestLogging: true }),
    },
    text: () => written.join(""),
    lines: (event) => {
      const parsed = written.map((line): Record<string, unknown> => JSON.parse(line));
      return parsed.filter((line) => line["event"] === event);
    },
  };
}
