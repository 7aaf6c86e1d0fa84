import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { freePort } from "../kit/ports.ts";
import { afterwards } from "../kit/vitest/cleanup.ts";
import { waitFor } from "../kit/vitest/wait-for.ts";
import { make, open, ownRedis } from "./open-redis-store.ts";
import { message, RecordingListener, storeMessage } from "./open-store.ts";

const run = promisify(execFile);

describe("what the store in Redis tells", () => {
  it("never contains the password or the URL, in whatever way the connection fails", async () => {
    const redis = await ownRedis({ args: ["--requirepass", "right-secret"] });
    const closed = await freePort();
    const urls = [
      `redis://:wrong-secret@127.0.0.1:${redis.port}`,
      `redis://ann:wrong-secret@127.0.0.1:${redis.port}/3`,
      `redis://:wrong-secret@127.0.0.1:${closed}`,
      `redis://:wrong-secret@no-such-host.invalid:6379`,
      `rediss://:wrong-secret@127.0.0.1:${redis.port}`,
    ];
    for (const url of urls) {
      const { log: store, logger } = make({ redis, url, times: { connectMs: 1_000 } });
      const listener = new RecordingListener();
      store.start(listener);
      await waitFor(
        () => listener.states.filter((state) => state === "down").length >= 2,
        `down: ${url}`,
        20_000,
      );
      await store.close();
      const told = JSON.stringify([listener.statuses, logger.lines]);
      expect(told).not.toContain("secret");
      expect(told).not.toContain("127.0.0.1");
      expect(told).not.toContain("invalid:");
      expect(logger.lines.some(({ level }) => level === "warn")).toBe(true);
    }
  });

  it("connects with exactly what the URL says: a password of special characters, and a database", async () => {
    const password = "p@s/s:w#%?rd";
    const redis = await ownRedis({ args: ["--requirepass", password] });
    const { log: store, prefix } = await open({
      redis,
      url: `redis://:${encodeURIComponent(password)}@127.0.0.1:${redis.port}/007`,
    });
    await storeMessage(store, "hello");
    expect(
      await redis.cli("--no-auth-warning", "-a", password, "-n", "7", "EXISTS", `${prefix}{lobby}:log`),
    ).toBe("1");
  });

  it("says in words why it is down", async () => {
    const redis = await ownRedis({ args: ["--requirepass", "right-secret"] });
    const why = async (url: string) => {
      const { log: store } = make({ redis, url });
      const listener = new RecordingListener();
      store.start(listener);
      await waitFor(() => listener.states.includes("down"), "down", 20_000);
      await store.close();
      return listener.statuses.find(({ state }) => state === "down")?.reason;
    };
    expect(await why(`redis://:wrong@127.0.0.1:${redis.port}`)).toBe(
      "Redis refuses the user or the password of its URL; correct them",
    );
    expect(await why(`redis://127.0.0.1:${redis.port}`)).toBe("Redis wants a password; add it to its URL");
    expect(await why(`redis://127.0.0.1:${await freePort()}`)).toBe("Redis refuses connections");
    expect(await why(`redis://:right-secret@127.0.0.1:${redis.port}/99`)).toBe(
      "Redis has no database of that number; change the number in its URL",
    );
  });
});

describe("closing the store in Redis", () => {
  it("ends both connections and gives the lease up", async () => {
    const redis = await ownRedis();
    const { log: store, prefix } = await open({ redis });
    await store.close();
    await waitFor(async () => !(await redis.cli("CLIENT", "LIST")).includes("dynochat:"), "both have gone");
    expect(await redis.cli("EXISTS", `${prefix}lease:${store.instance}`)).toBe("0");
  });

  it("works in every state, also against a server that accepts and never answers", async () => {
    const redis = await ownRedis();
    const { log: down } = make({ redis, url: `redis://127.0.0.1:${await freePort()}` });
    down.start(new RecordingListener());
    await waitFor(() => down.status.state === "down", "down");
    await down.close();
    expect(down.status.state).toBe("closed");

    const { log: lived } = await open({ redis, times: { closeMs: 500 } });
    redis.freeze();
    afterwards(() => redis.thaw());
    const { log: connecting } = make({ redis });
    connecting.start(new RecordingListener());
    await connecting.close();
    expect(connecting.status.state).toBe("closed");
    const pending = lived.append(message("pending"));
    await lived.close();
    expect(lived.status.state).toBe("closed");
    expect(await pending).toEqual({ outcome: "unavailable" });
  });

  it.each([
    ["while no server answers", () => freePort()],
    ["while it is live", async () => (await ownRedis()).port],
  ])("leaves nothing that keeps the process from ending, %s", async (_, findPort) => {
    const program = `
      import { RedisStore } from "./src/store/redis/redis-store.ts";
      const limits = { historyMessages: 1, historyDays: 1, historyBytes: 1, messagesPerSecond: 1, messageBurst: 1 };
      const logger = { debug() {}, info() {}, warn() {}, error() {} };
      const options = { url: process.env.URL, prefix: "exit:", tlsVerify: true };
      const log = new RedisStore(options, limits, logger);
      log.start({
        async catchUp() {},
        statusChanged({ state }) {
          if (state === "down" || state === "live") log.close();
        },
      });`;
    const env = { ...process.env, URL: `redis://127.0.0.1:${await findPort()}` };
    const args = ["--import", "tsx", "--input-type=module", "--eval", program];
    // Killed and therefore rejected if it does not end by itself.
    await run(process.execPath, args, { env, timeout: 20_000 });
  });
});

describe("the store in Redis over TLS", () => {
  it("accepts a self-signed certificate by its CA or by the setting, and otherwise not", async () => {
    const folder = await mkdtemp(join(tmpdir(), "dynochat-tls-"));
    afterwards(() => rm(folder, { recursive: true, force: true }));
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const form = [
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
    ];
    await run("openssl", ["req", ...form, "-keyout", key, "-out", cert, ...subject]);
    const port = await freePort();
    const tls = ["--tls-port", String(port), "--tls-cert-file", cert, "--tls-key-file", key];
    const redis = await ownRedis({ args: [...tls, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no"] });
    const url = `rediss://127.0.0.1:${port}`;

    const { log: trusting } = await open({ redis, url, ca: await readFile(cert, "utf8") });
    await storeMessage(trusting, "with the CA");
    const { log: careless } = await open({ redis, url, tlsVerify: false });
    await storeMessage(careless, "unverified");

    // The scheme is not case-sensitive: a server that speaks only TLS answers this one too.
    const shouted = url.replace("rediss", "REDISS");
    const { log: encrypted } = await open({ redis, url: shouted, tlsVerify: false });
    await storeMessage(encrypted, "upper case");

    const { log: strict } = make({ redis, url });
    const listener = new RecordingListener();
    strict.start(listener);
    await waitFor(() => listener.states.includes("down"), "down");
    expect(listener.statuses.find(({ state }) => state === "down")?.reason).toBe(
      "Redis's certificate is self-signed; set REDIS_CA, or REDIS_TLS_VERIFY=false",
    );
  });
});
