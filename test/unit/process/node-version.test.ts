import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { outdatedNode, refusedNode } from "../../../src/process/node-version.ts";
import { ROOT } from "../../kit/servers/program.ts";

describe("the version of Node.js", () => {
  it.each(["18.20.8", "19.9.0", "0.12.18"])("%s is refused with a sentence that names it", (version) => {
    expect(refusedNode(version)).toBe(`it needs Node.js 20 or newer, and this is ${version}`);
  });

  it.each(["20.0.0", "21.7.3", "22.23.3", "23.1.0", "24.21.0", "30.0.0-nightly"])(
    "%s is not refused",
    (version) => {
      expect(refusedNode(version)).toBeUndefined();
    },
  );

  it.each([
    ["20.20.2", "2026-04-30", "Node.js 20.20.2 has had no security fixes since 2026-04-30; use 24"],
    ["20.20.2", "2026-04-29", undefined],
    ["22.23.3", "2027-04-29", undefined],
    ["24.21.0", "2026-11-27", undefined],
    ["30.0.0-nightly", "2040-01-01", undefined],
  ])("%s is, on %s, told of as: %s", (version, day, said) => {
    expect(outdatedNode(version, Date.parse(day))).toBe(said);
  });

  it("that Dockerfile runs is the newest of package.json's engines, and the one that is recommended", async () => {
    const { engines } = JSON.parse(await readFile(`${ROOT}package.json`, "utf8"));
    const newest = engines.node.match(/(\d+)\.x$/)?.[1];
    const images = (await readFile(`${ROOT}Dockerfile`, "utf8")).match(/^FROM node:\d+/gm);
    expect(new Set(images)).toEqual(new Set([`FROM node:${newest}`]));
    expect(outdatedNode("20.0.0", Date.parse("2030-01-01"))).toMatch(new RegExp(`use ${newest}$`));
  });

  it("is refused below the oldest of package.json's engines", async () => {
    const { engines } = JSON.parse(await readFile(`${ROOT}package.json`, "utf8"));
    const majors = [...engines.node.matchAll(/(\d+)\.x/g)].map(([, major]) => Number(major));
    const oldest = Math.min(...majors);
    expect(refusedNode(`${oldest}.0.0`)).toBeUndefined();
    expect(refusedNode(`${oldest - 1}.0.0`)).toBeDefined();
  });

  it("is checked before anything else is loaded: static imports come first", async () => {
    const main = await readFile(`${ROOT}src/main.ts`, "utf8");
    expect([...main.matchAll(/^import .*$/gm)].map(([line]) => line)).toEqual([
      'import { refusedNode } from "./process/node-version.ts";',
    ]);
    const plugin = await readFile(`${ROOT}src/plugin.ts`, "utf8");
    expect(/^import .*$/m.exec(plugin)?.[0]).toBe('import "./process/supported-node.ts";');
    for (const name of ["node-version", "supported-node"]) {
      const text = await readFile(`${ROOT}src/process/${name}.ts`, "utf8");
      const imports = [...text.matchAll(/ from "(.*)"/g)].map(([, from]) => from);
      expect(imports.filter((from) => from !== "./node-version.ts")).toEqual([]);
    }
  });
});
