import { type Environment, SETTINGS, type Setting } from "./settings/table.ts";

/** What the environment says, checked. Which variable each field is read from: settings/table.ts. */
export type Settings = {
  readonly [Field in keyof typeof SETTINGS]: (typeof SETTINGS)[Field] extends Setting<infer T> ? T : never;
};

/** A variable that cannot be used. `message` is one line for the person who set it. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

/** Given values are repeated in an error up to this many characters. */
const QUOTED = 80;

/**
 * The settings of an environment. Blanks and line ends around a value do not count, and an empty variable counts as one that is
 * not set.
 * Throws SettingsError for the first value that is not accepted. Secrets are not repeated in it.
 */
export function readSettings(env: Environment): Settings {
  const settings = readAll<Settings>(SETTINGS, env);
  checkTogether(settings);
  return settings;
}

/** The variables that ask for something this version cannot do, by name; empty = everything can be done. */
export function unavailableSettings(settings: Settings): string[] {
  return departures<Settings>(SETTINGS, settings);
}

type Table<V extends object> = { readonly [Field in keyof V]: Setting<V[Field]> };

function readAll<V extends object>(table: Table<V>, env: Environment): V {
  const values: Partial<V> = {};
  for (const field in table) values[field] = readOne(table[field], env);
  if (!isWhole(table, values)) throw new TypeError("a setting was not read");
  return values;
}

function isWhole<V extends object>(table: Table<V>, values: Partial<V>): values is V {
  return Object.keys(table).every((field) => field in values);
}

function readOne<T>(setting: Setting<T>, env: Environment): T {
  const name = setting.names.find((candidate) => textOf(env, candidate) !== "");
  const given = name === undefined ? "" : textOf(env, name);
  if (name === undefined) return setting.defaultIn?.(env) ?? setting.default;
  const value = setting.kind.read(given);
  if (value === undefined) throw refusal(name, given, setting);
  return value;
}

/** What a variable holds without the blanks and line ends around it, which files and consoles add; "" where it is not set. */
function textOf(env: Environment, name: string): string {
  return env[name]?.trim() ?? "";
}

function refusal<T>(name: string, given: string, { kind, secret }: Setting<T>): SettingsError {
  const quoted = secret === true ? "what was given (not shown)" : JSON.stringify(shortened(given));
  return new SettingsError(`${name}: ${quoted} is not accepted, it must be ${kind.accepts}`);
}

function shortened(text: string): string {
  return text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text;
}

/** What is wrong only beside another variable. */
function checkTogether(settings: Settings): void {
  if (settings.tokenRequired && settings.tokenSecret === undefined && settings.tokenJwksUrl === undefined) {
    throw new SettingsError('TOKEN_REQUIRED: "true" is not accepted without TOKEN_SECRET or TOKEN_JWKS_URL');
  }
}

function departures<V extends object>(table: Table<V>, values: V): string[] {
  const names: string[] = [];
  for (const field in table) {
    const { planned, names: variables, default: standard } = table[field];
    if (planned === true && values[field] !== standard) names.push(variables[0]);
  }
  return names;
}
