import { describe, expect, it } from "vitest";
import { classify, describe as inWords } from "../../../src/store/redis/errors.ts";
import { StoreUnavailable } from "../../../src/store/store.ts";

function reply(message: string): Error {
  return Object.assign(new Error(message), { name: "ReplyError" });
}

function network(code: string): Error {
  return Object.assign(new Error(`connect ${code} 10.0.0.1:6379`), { code });
}

describe("an error of Redis", () => {
  it.each([
    [
      "OOM command not allowed when used memory > 'maxmemory'. script: f3, on @user_script:89.",
      "storage-full",
    ],
    [
      "ERR Error running script (call to f_3c): @user_script:9: @user_script: 9: -OOM command not allowed",
      "storage-full",
    ],
    ["READONLY You can't write against a read only replica.", "not-writable"],
    ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "not-writable"],
    ["NOREPLICAS Not enough good replicas to write.", "unavailable"],
    ["LOADING Redis is loading the dataset in memory", "unavailable"],
    ["CLUSTERDOWN The cluster is down", "unavailable"],
    ["TRYAGAIN Multiple keys request during rehashing of slot", "unavailable"],
    ["WRONGTYPE Operation against a key holding the wrong kind of value", "unexpected"],
    ["ERR user_script:3: attempt to index a nil value", "unexpected"],
  ] as const)("%s means %s", (text, failure) => {
    expect(classify(reply(text))).toBe(failure);
  });

  it.each([
    [new Error("Command timed out"), "unavailable"],
    [new Error("Connection is closed."), "unavailable"],
    [new Error("Stream isn't writeable and enableOfflineQueue options is false"), "unavailable"],
    [network("ECONNRESET"), "unavailable"],
    [new StoreUnavailable("no answer in time"), "unavailable"],
    [new TypeError("x is not a function"), "unexpected"],
    ["thrown text", "unexpected"],
  ] as const)("%s means %s", (error, failure) => {
    expect(classify(error)).toBe(failure);
  });

  it.each([
    [network("ECONNREFUSED"), "Redis refuses connections"],
    [network("EWHATEVER"), "the connection to Redis failed (EWHATEVER)"],
    [
      reply("WRONGPASS invalid username-password pair"),
      "Redis refuses the user or the password of its URL; correct them",
    ],
    [
      reply("ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'default' 's3cret'"),
      "Redis does not know the command hello: it was renamed, or the server is too old",
    ],
    [reply("ERR something else with s3cret"), "Redis answered with ERR"],
    [
      reply("ERR max number of clients reached"),
      "Redis has no connection left (maxclients); allow it more, or run fewer processes",
    ],
    [
      reply("NOPERM this user has no permissions to run the 'xadd' command"),
      "Redis forbids this user the command xadd; allow it in its ACL (+xadd)",
    ],
    [new Error("Command timed out"), "Redis does not answer"],
    [new Error("something about redis://:s3cret@host"), "the connection to Redis was lost"],
  ])("is told in words that quote nothing: %s", (error, words) => {
    expect(inWords(error)).toBe(words);
  });
});
