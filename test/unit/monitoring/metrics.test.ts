import { readFile } from "node:fs/promises";
import fastify from "fastify";
import { describe, expect, it } from "vitest";
import { Counters, countOne } from "../../../src/chat/counters.ts";
import { ProgramKeys } from "../../../src/http/api/program-keys.ts";
import { exposition } from "../../../src/http/metrics/exposition.ts";
import { registerMetrics } from "../../../src/http/metrics/route.ts";
import { METRICS } from "../../../src/http/metrics/table.ts";
import { ApiKeys } from "../../../src/identity/api-keys.ts";
import { countsOf, type ProcessStats, readProcessStats } from "../../../src/monitoring/process-stats.ts";
import { ClientAddresses } from "../../../src/transport/client-address.ts";
import { limitsTable, metricsTable } from "../../kit/documents/metrics-tables.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

/** One process with some numbers. */
function vitalsOf(instance: string, counters = new Counters()): ProcessStats {
  return {
    identity: { instance, pid: 1, dyno: "web.1", version: "0.1.0", node: "20.0.0" },
    startedAt: 1_000,
    at: 2_000,
    logKind: "redis",
    logState: "live",
    logReason: "well",
    draining: false,
    overloaded: false,
    sockets: 3,
    socketLimit: 100,
    tcpConnections: 4,
    rooms: 2,
    roundTripAgeMs: 500,
    cpuSeconds: 1.5,
    load: {
      loopDelayMs: 1,
      loopDelayP99Ms: 2,
      loopUtilization: 0.5,
      heapUsed: 1,
      heapLimit: 2,
      resident: 3,
    },
    ...countsOf(counters),
  };
}

function read(name: string): Promise<string> {
  return readFile(new URL(`../../../docs/${name}`, import.meta.url), "utf8");
}

function unpadded(markdown: string): string {
  return markdown.replaceAll(/ {2,}/g, " ").replaceAll(/-{3,}/g, "---");
}

/** Every name that a Prometheus expression can mean: a histogram has three. */
const NAMES = new Set(
  METRICS.flatMap(({ name, type }) =>
    type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
);

function namesIn(expression: string): string[] {
  return expression.match(/\bdynochat_\w+/g) ?? [];
}

describe("the exposition", () => {
  it("has every process's numbers side by side, by process and dyno", () => {
    const counters = new Counters();
    counters.messages = 7;
    const text = exposition([vitalsOf("one", counters), vitalsOf("two")]);
    expect(text).toContain("# TYPE dynochat_messages_total counter");
    expect(text).toContain('dynochat_messages_total{process="one",dyno="web.1"} 7');
    expect(text).toContain('dynochat_messages_total{process="two",dyno="web.1"} 0');
    expect(text).toContain('dynochat_round_trip_age_seconds{process="one",dyno="web.1"} 0.5');
  });

  it("has each metric's help, type and values, and an empty line between two metrics", () => {
    const text = exposition([vitalsOf("one"), vitalsOf("two")]);
    const [first, second] = text.split("\n\n");
    expect(first?.split("\n")).toEqual([
      "# HELP dynochat_sockets Open sockets and event streams",
      "# TYPE dynochat_sockets gauge",
      'dynochat_sockets{process="one",dyno="web.1"} 3',
      'dynochat_sockets{process="two",dyno="web.1"} 3',
    ]);
    expect(second).toMatch(/^# HELP dynochat_sockets_limit /);
    expect(text).toMatch(/[^\n]\n$/);
  });

  it("writes a backslash, a quotation mark and a line end in a label so that they can be read", () => {
    const strange = vitalsOf('a\\b"c\nd');
    expect(exposition([strange])).toContain('dynochat_sockets{process="a\\\\b\\"c\\nd",dyno="web.1"} 3\n');
  });

  it("counts by code", () => {
    const counters = new Counters();
    countOne(counters.errors, "rate-limited");
    countOne(counters.errors, "rate-limited");
    countOne(counters.limited, "user-messages");
    countOne(counters.closes, 1012);
    const text = exposition([vitalsOf("one", counters)]);
    expect(text).toContain('dynochat_errors_total{process="one",dyno="web.1",code="rate-limited"} 2');
    expect(text).toContain('dynochat_limited_total{process="one",dyno="web.1",limit="user-messages"} 1');
    expect(text).toContain('dynochat_sockets_closed_total{process="one",dyno="web.1",code="1012"} 1');
  });

  it("has a histogram whose buckets add up, the last one with everything", () => {
    const counters = new Counters();
    for (const ms of [0.5, 3, 3, 10_000]) counters.acks.observe(ms);
    const text = exposition([vitalsOf("one", counters)]);
    const bucket = (le: string) =>
      new RegExp(`^dynochat_ack_seconds_bucket\\{process="one",dyno="web.1",le="${le}"\\} (\\d+)$`, "m");
    expect(bucket("0\\.001").exec(text)?.[1]).toBe("1");
    expect(bucket("0\\.005").exec(text)?.[1]).toBe("3");
    expect(bucket("2").exec(text)?.[1]).toBe("3");
    expect(bucket("\\+Inf").exec(text)?.[1]).toBe("4");
    expect(text).toContain("# TYPE dynochat_ack_seconds histogram");
    expect(text).toMatch(/^dynochat_ack_seconds_count\{process="one",dyno="web.1"\} 4$/m);
  });

  it("has a line for every metric that a process has numbers for", () => {
    const counters = new Counters();
    countOne(counters.errors, "unavailable");
    countOne(counters.closes, 1000);
    countOne(counters.refusedUpgrades, 503);
    countOne(counters.limited, "user-messages");
    countOne(counters.answers, 201);
    const text = exposition([vitalsOf("one", counters)]);
    for (const name of NAMES) expect(text).toMatch(new RegExp(`^${name}\\{.*\\} \\S+$`, "m"));
  });
});

describe("GET /metrics", () => {
  it("answers for one process with ?scope=process, and 400 with a sentence to a scope that is unknown", async () => {
    const app = fastify();
    afterwards(() => app.close());
    const watch = { vitals: vitalsOf("one"), fleet: async () => [vitalsOf("one"), vitalsOf("two")] };
    const programs = new ProgramKeys(new ApiKeys([]), {
      addresses: new ClientAddresses(app.log),
      counters: new Counters(),
      logger: app.log,
    });
    registerMetrics(app, watch, "open", programs);
    for (const [query, processes] of [
      ["", ["one", "two"]],
      ["?scope=fleet", ["one", "two"]],
      ["?scope=process", ["one"]],
      ["?other=1", ["one", "two"]],
    ] as const) {
      const { statusCode, body } = await app.inject(`/metrics${query}`);
      expect(statusCode).toBe(200);
      const answered = [...body.matchAll(/^dynochat_sockets\{process="(\w+)"/gm)].map(([, name]) => name);
      expect(answered, query).toEqual(processes);
    }
    for (const query of ["?scope=", "?scope=all", "?scope=process&scope=fleet"]) {
      const response = await app.inject(`/metrics${query}`);
      expect(response.statusCode).toBe(400);
      expect(response.json()).toMatchObject({ message: "scope is one of: fleet, process." });
    }
  });
});

describe("what a process says of itself", () => {
  it("is understood as it was said", () => {
    const vitals = vitalsOf("one");
    expect(readProcessStats(JSON.stringify(vitals))).toEqual(vitals);
  });

  it.each(["", "no JSON", "null", "{}", JSON.stringify({ ...vitalsOf("one"), sockets: "many" })])(
    "is left out where it is %s",
    (text) => {
      expect(readProcessStats(text)).toBeUndefined();
    },
  );
});

describe("the documents", () => {
  it("docs/metrics.md holds the table of metrics as the program has it", async () => {
    expect(unpadded(await read("metrics.md"))).toContain(unpadded(metricsTable(METRICS)));
  });

  it("docs/metrics.md holds the table of limits as the program has it", async () => {
    expect(unpadded(await read("metrics.md"))).toContain(unpadded(limitsTable()));
  });

  it("the alert rules ask for metrics that exist, and docs/metrics.md explains each alert and no other", async () => {
    const rules = await read("prometheus-alerts.yml");
    const expressions = [...rules.matchAll(/^ +expr: (.+)$/gm)].map(([, expression]) => expression ?? "");
    const alerts = [...rules.matchAll(/^ +- alert: (\w+)$/gm)].map(([, alert]) => alert);
    expect(expressions).toHaveLength(alerts.length);
    for (const expression of expressions) {
      const names = namesIn(expression);
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) expect(NAMES).toContain(name);
    }
    const explained = [...(await read("metrics.md")).matchAll(/^\| `(Dynochat\w+)`/gm)].map(
      ([, alert]) => alert,
    );
    expect(explained).toEqual(alerts);
  });

  it("the dashboard asks for metrics that exist, and shows every one of them", async () => {
    const dashboard: { panels: { title: string; targets: { expr: string }[] }[] } = JSON.parse(
      await read("grafana-dashboard.json"),
    );
    const shown = dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => namesIn(expr)));
    for (const name of shown) expect(NAMES).toContain(name);
    expect([...NAMES].filter((name) => !shown.includes(name))).toEqual([]);
    const titles = dashboard.panels.map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });
});
