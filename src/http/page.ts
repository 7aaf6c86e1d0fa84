import { fileURLToPath } from "node:url";
import fastifyHelmet from "@fastify/helmet";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Guests } from "../chat/guests.ts";
import { guestCookie, guestOf } from "./guest-cookie.ts";

/** The built page, beside `dist` and `src`. */
const PUBLIC = fileURLToPath(new URL("../../public/", import.meta.url));

/** What the page asks before it connects. */
export interface PageSettings {
  readonly defaultRoom: string;
  /** Code points. */
  readonly maxTextLength: number;
}

/**
 * What the page may load: its own scripts, styles, icons and sockets, nothing inline and nothing from
 * elsewhere. `'self'` covers ws: and wss: of the same host.
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

/** The chat page: its files, its headers, and who the visitor is. */
export class Page {
  readonly #guests: Guests;
  readonly #settings: PageSettings;

  constructor(guests: Guests, settings: PageSettings) {
    this.#guests = guests;
    const { defaultRoom, maxTextLength } = settings;
    this.#settings = { defaultRoom, maxTextLength };
  }

  async register(app: FastifyInstance): Promise<void> {
    await app.register(fastifyHelmet, {
      contentSecurityPolicy: CONTENT_SECURITY_POLICY,
      // Where there is https the platform's router sends it; over plain http it would mean nothing.
      strictTransportSecurity: false,
    });
    await app.register(fastifyStatic, { root: PUBLIC, index: false, cacheControl: true, maxAge: 0 });
    app.get("/page-settings.json", async () => this.#settings);
  }

  /** Answers `GET /`; a browser that is nobody yet becomes a guest. */
  readonly serve = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const guest = guestOf(request.raw, this.#guests) ?? this.#guests.create();
    const cookie = guestCookie(guest, this.#guests, request.protocol === "https");
    if (cookie !== undefined) reply.header("Set-Cookie", cookie);
    // The cookie is this visitor's alone: a cache that gave it to others would make them one guest.
    return reply.header("Cache-Control", "private, no-cache").sendFile("index.html", { cacheControl: false });
  };
}
