import type { FastifyInstance, InjectOptions } from "fastify";

/** The cookies that one browser keeps of one host name, whatever the port. */
export class CookieJar {
  readonly #cookies: Map<string, string>;

  constructor(cookies: Readonly<Record<string, string>> = {}) {
    this.#cookies = new Map(Object.entries(cookies));
  }

  /** The oldest first, as a browser sends them. */
  get names(): string[] {
    return [...this.#cookies.keys()];
  }

  get header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** Sends a request with the cookies, and keeps what the answer sets. */
  async send(app: FastifyInstance, request: InjectOptions, port = 3000) {
    const headers = { ...request.headers, host: `localhost:${port}`, cookie: this.header };
    const answer = await app.inject({ ...request, headers });
    for (const { name, value, maxAge } of answer.cookies) {
      if (maxAge === 0) this.#cookies.delete(name);
      else this.#cookies.set(name, encodeURIComponent(value));
    }
    return answer;
  }
}
