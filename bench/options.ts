import { parseArgs } from "node:util";
import { chosenLoads, type Load } from "./loads.ts";
import { OURS, SOCKET_IO, SYSTEMS, type System, TUTORIAL } from "./systems.ts";

export interface BenchOptions {
  readonly loads: readonly Load[];
  readonly systems: readonly System[];
  /** Whether everything was measured: only that is written over the committed results. */
  readonly complete: boolean;
}

/** Reads the command line. Throws an Error with a sentence where it is not understood. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      systems: { type: "string" },
    },
  });
  const loads = chosenLoads(values.quick, values.only?.split(","));
  const systems = chosenSystems(values.quick, values.systems?.split(","));
  const complete = !values.quick && values.only === undefined && values.systems === undefined;
  return { loads, systems, complete };
}

function chosenSystems(quick: boolean, names: readonly string[] | undefined): readonly System[] {
  if (names === undefined) return quick ? [TUTORIAL, SOCKET_IO, OURS] : SYSTEMS;
  const known = SYSTEMS.map(({ name }) => slug(name));
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Error(`there is no system ${unknown}; there are ${known.join(", ")}`);
  }
  return SYSTEMS.filter(({ name }) => names.includes(slug(name)));
}

/** A system's name as a command line takes it. */
function slug(name: string): string {
  return name.replaceAll(/[^a-z.]+/g, "-");
}
