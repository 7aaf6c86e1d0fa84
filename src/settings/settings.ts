import { type Environment, SETTINGS, type Setting } from "./table.ts";
import { inspected, nearestName } from "./wording.ts";

/** The checked settings of the environment. settings/table.ts has the variable of each field. */
export type Settings = {
  readonly [Field in keyof typeof SETTINGS]: (typeof SETTINGS)[Field] extends Setting<infer T> ? T : never;
};

/** The settings by which the fields of `Values` are read and checked. */
export type Table<Values extends object> = { readonly [Field in keyof Values]: Setting<Values[Field]> };

/** Thrown for a setting that cannot be used. `message` is one line for the operator. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

/** The character that replaces bytes that are not UTF-8; with it two different secrets could be equal. */
const REPLACEMENT = "\uFFFD";
const UTF8 = "valid UTF-8";

/** The settings that are checked against each other. */
type Combined = Pick<Settings, CombinedField> & {
  /** The plugin's option; missing = these are a program's settings, which have none. */
  readonly authenticate?: unknown;
};
type CombinedField = "tokenRequired" | "tokenUrl" | "guests" | "tokenSecret" | "tokenJwksUrl";

/**
 * Returns the settings of an environment. Blanks and line ends around a value are ignored, and an empty
 * variable counts as unset. Throws a SettingsError for the first value that is not accepted. It never
 * contains a secret.
 */
export function readSettings(env: Environment): Settings {
  const settings = valuesOf<Settings>(SETTINGS, (setting) => readOne(setting, env));
  checkTogether(settings, variableOf);
  return settings;
}

/**
 * Returns the values of options by their fields in `table`, checked like the variables, with the default for
 * a missing or undefined option. Throws a SettingsError for the first option that is not known, not accepted,
 * or not available in this version. It never contains a secret.
 */
export function checkOptions<Values extends Combined>(table: Table<Values>, options: object): Values {
  const given = new Map<string, unknown>(Object.entries(options));
  const unknown = [...given.keys()].find((name) => !Object.hasOwn(table, name));
  if (unknown !== undefined) throw new SettingsError(unknownOption(unknown, Object.keys(table)));
  const values = valuesOf<Values>(table, (setting, name) => checkOne(setting, name, given.get(name)));
  checkTogether(values, String);
  return values;
}

function variableOf(field: keyof Settings): string {
  return SETTINGS[field].names[0];
}

function valuesOf<Values extends object>(
  table: Table<Values>,
  read: <T>(setting: Setting<T>, field: string) => T,
): Values {
  const values: Partial<Values> = {};
  for (const field in table) values[field] = read(table[field], field);
  if (!isWhole(table, values)) throw new TypeError("a setting was not read");
  return values;
}

function isWhole<Values extends object>(table: Table<Values>, values: Partial<Values>): values is Values {
  return Object.keys(table).every((field) => field in values);
}

function readOne<T>(setting: Setting<T>, env: Environment): T {
  const name = setting.names.find((candidate) => textOf(env, candidate) !== "");
  if (name === undefined) return setting.defaultIn?.(env) ?? setting.default;
  const given = textOf(env, name);
  if (given.includes(REPLACEMENT)) throw refusal(name, given, setting, UTF8);
  const value = setting.kind.read(given);
  if (value === undefined) throw refusal(name, given, setting, setting.kind.accepts);
  return value;
}

function checkOne<T>(setting: Setting<T>, name: string, given: unknown): T {
  if (given === undefined) return setting.default;
  const { kind } = setting;
  if (typeof given === "string" && given.includes(REPLACEMENT)) throw refusal(name, given, setting, UTF8);
  const value = kind.check(given);
  if (value === undefined) throw refusal(name, given, setting, kind.acceptsOption ?? kind.accepts);
  return value;
}

/**
 * Returns a variable without the blanks and line ends around it, which files and consoles add; "" if it is
 * unset.
 */
function textOf(env: Environment, name: string): string {
  return env[name]?.trim() ?? "";
}

function refusal(
  name: string,
  given: unknown,
  { secret, kind }: Pick<Setting<unknown>, "secret" | "kind">,
  accepts: string,
): SettingsError {
  const quoted = secret === true ? "what was given (not shown)" : inspected(given);
  const why = secret === true ? undefined : kind.why?.(given);
  const reason = why === undefined ? "" : ` (${why})`;
  return new SettingsError(`${name}: ${quoted} is not accepted, it must be ${accepts}${reason}`);
}

function unknownOption(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return `${inspected(name)} is no option${nearest === undefined ? "" : `; did you mean ${nearest}?`}`;
}

/** Checks settings against each other. `nameOf` returns the name under which a setting was given. */
function checkTogether(settings: Combined, nameOf: (field: CombinedField) => string): void {
  const { tokenRequired, tokenUrl, guests, tokenSecret, tokenJwksUrl, authenticate } = settings;
  if (tokenSecret !== undefined || tokenJwksUrl !== undefined) return;
  const [secret, keys] = [nameOf("tokenSecret"), nameOf("tokenJwksUrl")];
  if (tokenUrl !== undefined)
    throw new SettingsError(
      `${nameOf("tokenUrl")}: ${inspected(tokenUrl)} is not accepted without ${secret} or ${keys}`,
    );
  if (authenticate !== undefined) return;
  const signIns = "authenticate" in settings ? `${secret}, ${keys} or authenticate` : `${secret} or ${keys}`;
  if (tokenRequired)
    throw new SettingsError(`${nameOf("tokenRequired")}: true is not accepted without ${signIns}`);
  if (guests === "none")
    throw new SettingsError(`${nameOf("guests")}: none is not accepted without ${signIns}`);
}
