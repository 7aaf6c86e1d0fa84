import { describe, expect, it, vi } from "vitest";
import { descriptorLimit, isOutOfDescriptors } from "../../../src/monitoring/descriptors.ts";
import { EventLoopMonitor } from "../../../src/monitoring/event-loop.ts";
import { capacityOf } from "../../../src/transport/capacity.ts";
import { afterwards } from "../../kit/vitest/cleanup.ts";

const DEFAULTS = { maxConnections: 10_000, maxConnectionsPerAddress: 1_000 };

describe("the connections that a process accepts", () => {
  it.each([undefined, 1_048_576, 11_100])("are those of the settings with %s descriptors", (descriptors) => {
    expect(capacityOf(DEFAULTS, descriptors)).toEqual({
      connections: 10_000,
      connectionsPerAddress: 1_000,
      tcp: 11_000,
      tcpPerAddress: 2_000,
      isLowered: false,
    });
  });

  it("leave descriptors for everything else, for HTTP and for other addresses where there are few", () => {
    expect(capacityOf(DEFAULTS, 1_024)).toEqual({
      connections: 740,
      connectionsPerAddress: 555,
      tcp: 924,
      tcpPerAddress: 739,
      isLowered: true,
    });
  });

  it("are bounded by descriptors alone where the settings set no limit", () => {
    const none = { maxConnections: 0, maxConnectionsPerAddress: 0 };
    const few = capacityOf(none, 4_096);
    expect([few.connections, few.tcp]).toEqual([3_197, 3_996]);
    expect([few.connectionsPerAddress, few.tcpPerAddress, few.isLowered]).toEqual([0, 0, false]);
    const { connections, tcp } = capacityOf(none, undefined);
    expect([connections, tcp]).toEqual([0, 0]);
  });

  it("are never none", () => {
    expect(capacityOf(DEFAULTS, 3).connections).toBeGreaterThan(0);
  });
});

describe("the limit of descriptors", () => {
  it("is the soft one of the process", () => {
    const limits =
      "Limit                     Soft Limit           Hard Limit           Units     \n" +
      "Max processes             7823                 7823                 processes \n" +
      "Max open files            1024                 524288               files     \n";
    expect(descriptorLimit(limits)).toBe(1_024);
    expect(descriptorLimit(limits.replace("1024 ", "unlimited "))).toBeUndefined();
    expect(descriptorLimit("")).toBeUndefined();
  });

  it.each(["EMFILE", "ENFILE"])("is met by an error %s and by no other", (code) => {
    expect(isOutOfDescriptors(Object.assign(new Error("open"), { code }))).toBe(true);
    expect(isOutOfDescriptors(Object.assign(new Error("open"), { code: "ENOENT" }))).toBe(false);
    expect(isOutOfDescriptors(undefined)).toBe(false);
  });
});

describe("the load of a process without a descriptor", () => {
  it("keeps the memory that was last measured, and says so until there is one again", () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    afterwards(() => vi.useRealTimers());
    const eventLoop = new EventLoopMonitor();
    eventLoop.start();
    afterwards(() => eventLoop.stop());
    const { resident } = eventLoop.reading;
    expect(resident).toBeGreaterThan(0);
    const measured = vi.spyOn(process.memoryUsage, "rss").mockImplementation(() => {
      throw Object.assign(new Error("EMFILE: too many open files"), { code: "EMFILE" });
    });
    const measuredAll = vi.spyOn(process, "memoryUsage").mockImplementation(() => {
      throw Object.assign(new Error("EMFILE: too many open files"), { code: "EMFILE" });
    });
    afterwards(() => {
      measured.mockRestore();
      measuredAll.mockRestore();
    });
    vi.advanceTimersByTime(1_000);
    expect([eventLoop.reading.resident, eventLoop.hasNoDescriptor]).toEqual([resident, true]);
    measuredAll.mockRestore();
    measured.mockRestore();
    vi.advanceTimersByTime(1_000);
    expect(eventLoop.hasNoDescriptor).toBe(false);
  });
});
