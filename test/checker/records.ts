import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SeedResult } from "./run-seed.ts";

/** Writes down everything about a seed that went wrong: plan, findings, logs, what was shown, what the processes wrote. */
export async function keepRecords(
  folder: string,
  {
    plan,
    findings,
    logs,
    chatters,
    outputs,
  }: SeedResult & { outputs: ReadonlyMap<number, readonly string[]> },
): Promise<string> {
  const place = join(folder, `seed-${plan.seed}`);
  await mkdir(place, { recursive: true });
  const shown = chatters.map(({ name, user, views, sends }) => ({
    name,
    user,
    sends,
    rooms: Object.fromEntries([...views].map(([room, view]) => [room, view.shown])),
  }));
  const files: readonly (readonly [string, string])[] = [
    ["plan.json", json(plan)],
    ["findings.txt", findings.list.map(({ wrong, sentence }) => `${wrong}: ${sentence}\n`).join("")],
    ["logs.json", json(Object.fromEntries(logs))],
    ["shown.json", json(shown)],
    ...[...outputs].map(([pid, lines]) => [`process-${pid}.log`, `${lines.join("\n")}\n`] as const),
  ];
  await Promise.all(files.map(([name, text]) => writeFile(join(place, name), text)));
  return place;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 1)}\n`;
}
