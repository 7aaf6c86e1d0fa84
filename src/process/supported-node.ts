import { refusedNode } from "./node-version.ts";

// Imported first by what other programs import, so that they end with this sentence and not with a consequence.
const refused = refusedNode();
if (refused !== undefined) throw new Error(`dynochat does not load: ${refused}.`);
