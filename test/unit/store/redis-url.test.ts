import { describe, expect, it } from "vitest";
import { redisAddress } from "../../../src/store/redis/redis-url.ts";

const PLAIN = {
  host: "host",
  port: 6379,
  tls: false,
  username: undefined,
  password: undefined,
  database: 0,
};

describe("a Redis URL", () => {
  it.each([
    ["redis://host", PLAIN],
    ["redis://host/", PLAIN],
    ["redis://host:7000/0", { ...PLAIN, port: 7000 }],
    ["redis://host/007", { ...PLAIN, database: 7 }],
    ["rediss://host", { ...PLAIN, tls: true }],
    ["REDISS://host", { ...PLAIN, tls: true }],
    ["Redis://host", PLAIN],
    ["redis://redis_db", { ...PLAIN, host: "redis_db" }],
    ["redis://[::1]:7000", { ...PLAIN, host: "::1", port: 7000 }],
    ["redis://:secret@host", { ...PLAIN, password: "secret" }],
    ["redis://ann:secret@host", { ...PLAIN, username: "ann", password: "secret" }],
    ["redis://ann@host", { ...PLAIN, username: "ann", password: "" }],
    ["redis://:@host", PLAIN],
    ["redis://:p%40s%2Fs%23%25%3F@host", { ...PLAIN, password: "p@s/s#%?" }],
    ["redis://:p@ss:w|o^rd@host", { ...PLAIN, password: "p@ss:w|o^rd" }],
    ["redis://a%C3%A9:\u00e9@host", { ...PLAIN, username: "a\u00e9", password: "\u00e9" }],
  ])("%s means what it says", (url, address) => {
    expect(redisAddress(url)).toEqual(address);
  });

  it.each([
    "",
    "host",
    "host:6379",
    "//host",
    "http://host",
    "redis:host",
    "redis://",
    "redis://:secret@",
    "redis://host:0",
    "redis://host:port",
    "redis://host:65536",
    "redis://host/0x",
    "redis://host/-1",
    "redis://host/1.5",
    "redis://host/0/1",
    "redis://host//1",
    "redis://host/1234567890",
    "redis://host?db=1",
    "redis://host/0?host=other",
    "redis://host#1",
    "redis://:pa#ss@host",
    "redis://:pa?ss@host",
    "redis://:pa/ss@host",
    "redis://:pa%zz@host",
    "redis://:pa%ff@host",
    "redis://my%20host",
    "redis://h\u00f6st",
    " redis://host",
    "redis://host\n",
    "redis://ho\tst",
    "redis:///tmp/redis.sock",
    "/tmp/redis.sock",
    "unix:///tmp/redis.sock",
  ])("%j is not accepted", (url) => {
    expect(redisAddress(url)).toBeUndefined();
  });
});
