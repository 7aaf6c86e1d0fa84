import { refusedNode } from "./node-version.ts";

// Imported first by the modules that other programs import, so that those end with this sentence and not with
// a consequential error.
const refused = refusedNode();
if (refused !== undefined) throw new Error(`dynochat does not load: ${refused}.`);
