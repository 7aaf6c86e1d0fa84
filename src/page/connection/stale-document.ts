import { BoundedReload } from "./bounded-reload.ts";

/**
 * During a deploy the script may come from a process of another version than the document, which then lacks what the
 * script needs. The next load may be answered by one version alone.
 */
export const staleDocument = new BoundedReload({
  storage: () => sessionStorage,
  later: (run, ms) => void setTimeout(run, ms),
  reload: () => location.reload(),
});
