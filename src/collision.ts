/**
 * Returns an error that says what to do where `error` is Fastify's for a route that the surrounding app has already; other errors
 * are returned as they are.
 */
export function explainCollision(error: unknown): unknown {
  if (!(error instanceof Error && "code" in error && error.code === "FST_ERR_DUPLICATED_ROUTE")) return error;
  const route = /for route '([^']*)'/.exec(error.message)?.[1] ?? "";
  return new Error(
    `dynochat needs the route ${route}, which this app has already. Remove that route from the app, register dynochat in a ` +
      "scope with a prefix, or, if it is a route of the chat page, register dynochat with page: false.",
    { cause: error },
  );
}
