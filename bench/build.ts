import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** Builds the project and the servers it is compared with, as each would be run in production: plain JavaScript. */
export async function buildAll(): Promise<void> {
  execFileSync("npm", ["run", "--silent", "build"], { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"] });
  await build({
    entryPoints: ["tutorial", "bare", "socket-io", "heap-reporter"].map(
      (name) => `${ROOT}bench/servers/${name}.ts`,
    ),
    outdir: `${ROOT}dist/bench`,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    logLevel: "warning",
  });
}
