import { fileURLToPath } from "node:url";
import fastifyHelmet from "@fastify/helmet";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { AppUsers } from "../../chat/identity.ts";
import { success } from "../../chat/result.ts";
import type { ChatCookies } from "../../transport/cookies/chat-cookies.ts";
import { guestCookies, guestOf } from "../../transport/cookies/guest-cookie.ts";
import { isSecure } from "../../transport/origin.ts";
import { refuse } from "../api/error.ts";
import { PageFiles } from "./page-files.ts";

/** The folder of the built page, beside `dist` and `src`. */
const BUILT = fileURLToPath(new URL("../../../public/build/", import.meta.url));

/** The name of the page's document, as it is built, and as it is for a user whose name the app gives. */
const DOCUMENT = "index.html";
const NAMED_DOCUMENT = "index.html of a named user";

/** What the page depends on. */
export interface PageDeps {
  readonly cookies: ChatCookies;
  /** Undefined = the embedding app does not say who its users are. */
  readonly appUsers: AppUsers<FastifyRequest> | undefined;
}

/** What the page knows before it connects. */
export interface PageSettings {
  readonly defaultRoom: string;
  /** Code points. */
  readonly maxTextLength: number;
  /** The path at which the page asks for its user's token; undefined = its users are guests. */
  readonly tokenUrl: string | undefined;
}

/** The settings that the script of the older version requests. */
type OlderSettings = Omit<PageSettings, "tokenUrl">;

/**
 * The page may load its own scripts, styles, icons and sockets, nothing inline and nothing from
 * other hosts. `'self'` covers ws: and wss: of the same host.
 */
const CONTENT_SECURITY_POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", "data:"],
    connectSrc: ["'self'"],
    manifestSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
};

/** The chat page: its files, its headers and the visitor's guest cookie. */
export class Page {
  readonly files: PageFiles;
  readonly #cookies: ChatCookies;
  readonly #appUsers: AppUsers<FastifyRequest> | undefined;
  readonly #settings: OlderSettings;

  private constructor(files: PageFiles, { cookies, appUsers }: PageDeps, settings: OlderSettings) {
    this.files = files;
    this.#cookies = cookies;
    this.#appUsers = appUsers;
    this.#settings = settings;
  }

  /** Reads the built page. Rejects if it is not built. */
  static async open(deps: PageDeps, settings: PageSettings): Promise<Page> {
    const { defaultRoom, maxTextLength, tokenUrl = "" } = settings;
    const files = await PageFiles.read(BUILT, (file, html) => {
      const filled = withMeta(withMeta(html, "default-room", defaultRoom), "token-url", tokenUrl);
      if (file !== DOCUMENT) return { [file]: filled };
      return { [file]: filled, [NAMED_DOCUMENT]: withMeta(filled, "fixed-name", "true") };
    });
    return new Page(files, deps, { defaultRoom, maxTextLength });
  }

  async register(app: FastifyInstance): Promise<void> {
    await app.register(fastifyHelmet, {
      contentSecurityPolicy: CONTENT_SECURITY_POLICY,
      // With https the platform's router sends it; over plain http it has no effect.
      strictTransportSecurity: false,
    });
    app.route<{ Params: { name: string } }>({
      method: ["GET", "HEAD"],
      url: "/build/:name",
      handler: async (request, reply) => this.files.sendBuilt(request, reply, request.params.name),
    });
    for (const name of this.files.rootNames) {
      app.route({
        method: ["GET", "HEAD"],
        url: `/${name}`,
        handler: async (request, reply) => this.files.sendNamed(request, reply, name),
      });
    }
    // The script of the older version requests it; the current one reads the document.
    app.get("/page-settings.json", async () => this.#settings);
  }

  /**
   * Answers `GET /`. Sets the cookie of a guest, which is a new one if the browser has none, unless the
   * embedding app says that the request is of one of its users.
   */
  readonly serve = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const cookies = this.#cookies;
    const found = this.#appUsers === undefined ? success(undefined) : await this.#appUsers.of(request);
    if (!found.ok) return refuse(reply, found.error);
    const appUser = found.value;
    const guest = guestOf(request.raw, cookies) ?? cookies.guests.create();
    const set = appUser === undefined ? guestCookies(guest, request.raw, cookies, isSecure(request)) : [];
    reply.header("Set-Cookie", [...cookies.deletions(request.raw), ...set]);
    const document = appUser?.hasFixedHandle === true ? NAMED_DOCUMENT : DOCUMENT;
    // The cookie belongs to this visitor: a cache that gave it to others would make them the same guest.
    return this.files.sendDocument(request, reply, document, "private, no-cache");
  };
}

/**
 * Writes a setting into its tag of the document, which is empty in the built one: the page needs no request
 * to learn it.
 */
function withMeta(html: string, name: string, setting: string): string {
  const empty = `<meta name="${name}" content="">`;
  const value = setting.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  return html.replace(empty, () => empty.replace('""', () => `"${value}"`));
}
