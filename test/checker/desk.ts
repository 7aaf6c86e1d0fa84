import { setTimeout as sleep } from "node:timers/promises";
import type { Chatter } from "./chatter.ts";
import type { Findings } from "./findings.ts";
import type { Act } from "./plan.ts";
import { DESK_KEY, type Processes } from "./processes.ts";
import { isAfter, type ShutOut } from "./verdict.ts";

/** For one answer of a process, which may be frozen, ms. */
const ANSWER_MS = 2_500;
/** Until an act must have succeeded, ms: longer than any fault lasts. */
const ACT_MS = 20_000;
const PAUSE_MS = 100;

/** The moderator of a seed: carries acts out over HTTP, each room's in their order, and tries what a user who was shut out would try. */
export class Desk {
  readonly #processes: Processes;
  readonly #busy: readonly string[];
  readonly #findings: Findings;
  /** By room, the act that is under way; by undefined, that in all rooms. */
  readonly #last = new Map<string | undefined, Promise<void>>();
  readonly #probes: Promise<void>[] = [];
  #isOver = false;
  #turn = 0;
  /** Acts that were answered. */
  done = 0;
  /** What users who were shut out asked for, and were refused. */
  refused = 0;

  /** @param busy rooms in which much is said: there a user who is shut out of all rooms tries. */
  constructor(processes: Processes, busy: readonly string[], findings: Findings) {
    this.#processes = processes;
    this.#busy = busy;
    this.#findings = findings;
  }

  /** Carries out an act after those before it in its room; with a chatter undefined it is about everybody. */
  carryOut(act: Act, chatter: Chatter | undefined): Promise<void> {
    const before = this.#last.get(act.room) ?? Promise.resolve();
    const done = before.then(() => this.#carryOut(act, chatter));
    this.#last.set(act.room, done);
    return done;
  }

  /** Ends what users who were shut out try. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#probes);
  }

  async #carryOut(act: Act, chatter: Chatter | undefined): Promise<void> {
    const begin = performance.now();
    const tokenBefore = chatter?.token();
    let last = "no answer";
    while (performance.now() - begin < ACT_MS) {
      const user = chatter === undefined ? "*" : chatter.user;
      const headers = { authorization: `Bearer ${DESK_KEY}` };
      const answer =
        user === undefined ? undefined : await this.#ask(pathOf(act), headers, bodyOf(act, user));
      if (answer !== undefined) last = answer.text;
      if (answer?.ok === true) {
        const { id } = JSON.parse(answer.text);
        this.done += 1;
        if (chatter !== undefined) this.#startProbes(act, chatter, String(id), tokenBefore);
        return;
      }
      await sleep(PAUSE_MS);
    }
    this.#findings.add(
      "process",
      `${act.room ?? "all rooms"}: no process carried out an act within ${ACT_MS / 1000} s: ${last}`,
    );
  }

  /**
   * Tries from now on what an act forbids. A user who was shut out of all rooms tries where much is said.
   * @param tokenBefore the token that the user had before the act.
   */
  #startProbes(act: Act, chatter: Chatter, id: string, tokenBefore: string | undefined): void {
    if (act.name === "sign-out" && tokenBefore !== undefined)
      this.#probes.push(this.#probeSignedOut(chatter, tokenBefore, { id, isGlobal: true }));
    if (act.name !== "rule" || act.right !== "none") return;
    const { room } = act;
    const rooms = room === undefined ? this.#busy : [room];
    const out = { id, isGlobal: room === undefined };
    for (const each of rooms) this.#probes.push(this.#probe(each, chatter, out));
  }

  /** Tries to read with a token from before a sign-out, on one process after the other, until the seed is over. */
  async #probeSignedOut({ name }: Chatter, token: string, out: ShutOut): Promise<void> {
    const headers = { authorization: `Bearer ${token}` };
    const [room] = this.#busy;
    while (!this.#isOver) {
      const page = await this.#ask(`rooms/${room}/messages`, headers);
      const later = page?.ok === true ? laterIn(page.text, out) : undefined;
      if (later !== undefined)
        this.#findings.add("signed-out", `${room}: ${name} read ${later} with a token from before ${out.id}`);
      this.refused += page?.status === 401 ? 1 : 0;
      await sleep(PAUSE_MS);
    }
  }

  /** Tries to read and to write over HTTP on one process after the other, until the seed is over. */
  async #probe(room: string, { name, token }: Chatter, out: ShutOut): Promise<void> {
    let cookie: string | undefined;
    for (let n = 0; !this.#isOver; n += 1) {
      cookie ??= (await this.#ask("session", {}, { token: token() }))?.cookie;
      if (cookie !== undefined) {
        const page = await this.#ask(`rooms/${room}/messages?limit=200`, { cookie });
        if (page?.ok === true) this.#read(room, name, out, page.text);
        const said = await this.#ask(
          `rooms/${room}/messages`,
          { cookie },
          { text: `${room} of ${name}, shut out, ${n}` },
        );
        if (said?.ok === true)
          this.#findings.add("muted", `${room}: ${name} wrote over HTTP after ${out.id}`);
        this.refused += (page?.status === 403 ? 1 : 0) + (said?.status === 403 ? 1 : 0);
      }
      await sleep(PAUSE_MS);
    }
  }

  #read(room: string, name: string, out: ShutOut, text: string): void {
    const later = laterIn(text, out);
    if (later !== undefined)
      this.#findings.add("shut-out", `${room}: ${name} read ${later} over HTTP, shut out at ${out.id}`);
  }

  /** Asks the next process; undefined if it does not answer. `path` is below /api. */
  async #ask(path: string, headers: Readonly<Record<string, string>>, body?: object) {
    const { ports } = this.#processes;
    this.#turn += 1;
    const port = ports[this.#turn % ports.length];
    const url = `http://127.0.0.1:${port}/api/${path}`;
    const post =
      body === undefined
        ? { headers }
        : {
            method: "POST",
            headers: { ...headers, "content-type": "application/json" },
            body: JSON.stringify(body),
          };
    try {
      const answer = await fetch(url, { ...post, signal: AbortSignal.timeout(ANSWER_MS) });
      const cookie = answer.headers
        .getSetCookie()
        .map((each) => each.split(";")[0])
        .join("; ");
      // Without one the next requests would be those of a client that nobody knows, and that may read.
      return { ok: answer.ok, status: answer.status, text: await answer.text(), cookie: cookie || undefined };
    } catch {
      return undefined;
    }
  }
}

function pathOf({ name, room }: Act): string {
  const path = name === "rule" ? "access" : name;
  return room === undefined ? path : `rooms/${room}/${path}`;
}

function bodyOf(act: Act, user: string): object {
  return act.name === "rule" ? { user, right: act.right } : { user };
}

/** The first message of a page that is after an act; undefined = there is none. */
function laterIn(page: string, out: ShutOut): string | undefined {
  const { messages } = JSON.parse(page);
  const ids: readonly unknown[] = Array.isArray(messages) ? messages.map(({ id }) => id) : [];
  return ids.map(String).find((id) => isAfter(id, out));
}
