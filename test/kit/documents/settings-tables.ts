import type { Setting } from "../../../src/settings/table.ts";

/** What the documents say of one setting. */
type Documented = Pick<Setting<unknown>, "names" | "default" | "defaultWords" | "meaning">;

/** The README's table of settings, GitHub's Markdown. */
export function settingsTable(settings: readonly Documented[]): string {
  const rows = settings.map(
    (setting) => `| ${names(setting)} | ${defaultOf(setting)} | ${setting.meaning} |`,
  );
  return ["| variable | default | meaning |", "| --- | --- | --- |", ...rows, ""].join("\n");
}

/** The text of `.env.example`: every variable, commented out, with its default. */
export function envExample(settings: readonly Documented[]): string {
  const head = [
    "# Settings for a run on your own machine. Copy this file to .env, then remove the # before",
    "# what you want to change. The real environment wins over the file.",
  ];
  const parts = settings.map(
    (setting) => `# ${plain(setting.meaning)} (default: ${plain(defaultOf(setting))})\n#${setting.names[0]}=`,
  );
  return `${[head.join("\n"), ...parts].join("\n\n")}\n`;
}

function names({ names: [first, ...others] }: Documented): string {
  const also = others.map((name) => `\`${name}\``).join(", ");
  return also === "" ? `\`${first}\`` : `\`${first}\`, else ${also}`;
}

function defaultOf({ default: value, defaultWords }: Documented): string {
  return defaultWords ?? (value === undefined ? "none" : `\`${String(value)}\``);
}

function plain(markdown: string): string {
  return markdown.replaceAll("`", "");
}
