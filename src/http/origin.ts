/**
 * Whether a page of `origin` may open a socket here. Programs send no Origin and are let in: the header protects
 * people's cookies from other sites' pages, and programs have none of those.
 * `allowed`: undefined = the page's host must be the request's own; `*` = any.
 */
export function isAllowedOrigin(
  origin: string | undefined,
  host: string | undefined,
  allowed: "*" | readonly string[] | undefined,
): boolean {
  if (origin === undefined || allowed === "*") return true;
  if (allowed !== undefined) return allowed.includes(origin.toLowerCase());
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
