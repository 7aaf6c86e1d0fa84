import { BoundedReload } from "./bounded-reload.ts";

/**
 * Reloads a document that does not fit its script. During a deploy they may come from processes of two
 * versions, and the document lacks what the script needs. The next load may be answered by one version alone.
 */
export const staleDocument = new BoundedReload({
  storage: () => sessionStorage,
  later: (run, ms) => void setTimeout(run, ms),
  reload: () => location.reload(),
});
