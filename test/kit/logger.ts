import type { Logger } from "../../src/logging/logger.ts";

export interface Line {
  readonly level: keyof Logger;
  readonly fields: object;
  readonly sentence: string;
}

/** A logger that keeps its lines, for tests that ask what was said. */
export class RecordingLogger implements Logger {
  readonly lines: Line[] = [];

  debug(fields: object, sentence: string): void {
    this.lines.push({ level: "debug", fields, sentence });
  }

  info(fields: object, sentence: string): void {
    this.lines.push({ level: "info", fields, sentence });
  }

  warn(fields: object, sentence: string): void {
    this.lines.push({ level: "warn", fields, sentence });
  }

  error(fields: object, sentence: string): void {
    this.lines.push({ level: "error", fields, sentence });
  }
}
