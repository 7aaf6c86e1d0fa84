import fastifySwagger from "@fastify/swagger";
import fastify, { type FastifyInstance } from "fastify";
import { describe, expect, it } from "vitest";
import { type DynochatOptions, dynochat } from "../../../src/plugin.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

function ownApp(): FastifyInstance {
  const app = fastify();
  afterwards(() => app.close());
  return app;
}

describe("the chat beside what an app has itself", () => {
  it.each(["/livez", "/readyz", "/metrics"])("leaves %s to an app that has it", async (url) => {
    const app = ownApp();
    app.get(url, async () => "own");
    await app.register(dynochat, { page: false });
    expect((await app.inject(url)).body).toBe("own");
    for (const other of ["/livez", "/metrics"].filter((address) => address !== url)) {
      expect((await app.inject(other)).statusCode).toBe(200);
    }
  });

  it.each<[string, DynochatOptions]>([
    ["/ws", { page: false }],
    ["/websocket", { page: false }],
    ["/api/rooms", { page: false }],
    ["/", {}],
    ["/status", {}],
  ])("does not start beside an app's own %s, and says which route and what to do", async (url, options) => {
    const app = ownApp();
    app.get(url, async () => "own");
    const registration = Promise.resolve(app.register(dynochat, options));
    await expect(registration).rejects.toThrow(
      `dynochat needs the route ${url}, which this app has already. Remove that route from the app, register dynochat in a ` +
        "scope with a prefix, or, if it is a route of the chat page, register dynochat with page: false.",
    );
  });

  it("works in a scope with a prefix where the app has its routes", async () => {
    const app = ownApp();
    app.get("/ws", async () => "own");
    await app.register(async (scope) => void (await scope.register(dynochat, { page: false })), {
      prefix: "/chat",
    });
    expect((await app.inject("/ws")).body).toBe("own");
    expect((await app.inject("/chat/api/rooms")).statusCode).toBe(200);
    expect((await app.inject("/chat/ws")).statusCode).toBe(426);
  });

  it("says so where it is registered twice", async () => {
    const app = ownApp();
    await app.register(dynochat, { page: false });
    const again = Promise.resolve(app.register(dynochat, { page: false }));
    await expect(again).rejects.toThrow("dynochat is registered in this app already");
  });

  it("keeps its interface out of the app's own description, and the app's out of its own", async () => {
    const app = ownApp();
    await app.register(fastifySwagger, { openapi: { openapi: "3.1.0" } });
    app.get("/orders", async () => "own");
    await app.register(dynochat, { page: false });
    await app.ready();
    const own = Object.keys(app.swagger().paths ?? {});
    expect(own).toContain("/orders");
    expect(own.filter((path) => path.startsWith("/api"))).toEqual([]);
    const { paths } = (await app.inject("/api/openapi.json")).json<{ paths: object }>();
    expect(Object.keys(paths)).toContain("/api/rooms");
    expect(Object.keys(paths)).not.toContain("/orders");
  });
});
