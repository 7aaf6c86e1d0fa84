import { expect, it } from "vitest";
import { OrderedScript } from "../../../src/store/redis/messages/append.ts";
import { LEASE } from "../../../src/store/redis/node/scripts.ts";
import { StoreUnavailable } from "../../../src/store/store.ts";
import { settle } from "../../kit/fakes/fake-client.ts";

/** What ioredis rejects with where a server answers with an error. */
function noScript(): Error {
  return Object.assign(new Error("NOSCRIPT No matching script."), { name: "ReplyError" });
}

/** One connection to a server that answers in order, when the test says so. */
class Server {
  knowsScript = true;
  /** The first argument of each run that was carried out. */
  readonly stored: string[] = [];
  readonly #waiting: (() => void)[] = [];

  evalsha(_sha: string, _keys: number, name: string): Promise<string> {
    return this.#answer(() => {
      if (!this.knowsScript) throw noScript();
      return this.#store(name);
    });
  }

  eval(_body: string, _keys: number, name: string): Promise<string> {
    return this.#answer(() => {
      this.knowsScript = true;
      return this.#store(name);
    });
  }

  script(): Promise<string> {
    return this.#answer(() => {
      this.knowsScript = true;
      return "sha";
    });
  }

  /** Carries out and answers the next `count` commands. */
  async answer(count: number): Promise<void> {
    for (const carryOut of this.#waiting.splice(0, count)) carryOut();
    await settle();
  }

  #store(name: string): string {
    this.stored.push(name);
    return name;
  }

  #answer(work: () => string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}

function open() {
  const server = new Server();
  const line = new OrderedScript(LEASE);
  // The line uses these three commands of a connection and nothing else.
  const redis = server as unknown as Parameters<OrderedScript["run"]>[0];
  return { server, run: (sender: string, name: string) => line.run(redis, sender, [], [name]) };
}

it("what is sent while a forgotten script is loaded waits until what was refused has been sent again", async () => {
  const { server, run } = open();
  server.knowsScript = false;
  const refused = [run("ann", "one"), run("bob", "two"), run("ann", "three")];
  await server.answer(1);
  // Sent between the first refusal and the others.
  const later = [run("ann", "four"), run("bob", "five")];
  await server.answer(2);
  expect(server.stored).toEqual([]);
  await server.answer(1);
  const last = run("ann", "six");
  await server.answer(3);
  await server.answer(3);
  await Promise.all([...refused, ...later, last]);
  expect(server.stored).toEqual(["one", "two", "three", "four", "five", "six"]);
});

it("a message that a later one of its sender has overtaken is not stored after it", async () => {
  const { server, run } = open();
  server.knowsScript = false;
  const [one, two, other] = [run("ann", "one"), run("ann", "two"), run("bob", "three")];
  const refused = expect(one).rejects.toThrow(StoreUnavailable);
  await server.answer(1);
  // Another process loads the script between two commands of this one.
  server.knowsScript = true;
  await server.answer(3);
  await refused;
  expect(await Promise.all([two, other])).toEqual(["two", "three"]);
  expect(server.stored).toEqual(["two", "three"]);
});
