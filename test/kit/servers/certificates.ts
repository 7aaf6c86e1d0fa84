import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Paths of files in PEM form. */
export interface Certificates {
  /** The authority's, which signed itself. */
  readonly ca: string;
  /** The server's, and the authority's after it: the chain that a server sends. */
  readonly chain: string;
  /** The server's private key. */
  readonly key: string;
  /** Deletes the files. */
  remove(): Promise<void>;
}

const CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Makes an authority, and with it a certificate for this machine's loopback address; valid for two days. Needs openssl. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), "dynochat-tls-"));
  const file = (name: string): string => join(folder, name);
  const authority = ["-keyout", file("ca-key.pem"), "-out", file("ca.pem"), "-subj", "/CN=an authority"];
  await run("openssl", ["req", "-x509", ...CURVE, "-days", "2", ...authority]);
  const wish = ["-keyout", file("key.pem"), "-out", file("wish.pem"), "-subj", "/CN=localhost"];
  await run("openssl", ["req", ...CURVE, ...wish]);
  await writeFile(file("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  const signer = ["-CA", file("ca.pem"), "-CAkey", file("ca-key.pem"), "-CAcreateserial"];
  const granted = ["-extfile", file("names"), "-days", "2", "-out", file("cert.pem")];
  await run("openssl", ["x509", "-req", "-in", file("wish.pem"), ...signer, ...granted]);
  const chain = await Promise.all(["cert.pem", "ca.pem"].map((name) => readFile(file(name), "utf8")));
  await writeFile(file("chain.pem"), chain.join(""));
  return {
    ca: file("ca.pem"),
    chain: file("chain.pem"),
    key: file("key.pem"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
