import type { ErrorFrame, Person, WelcomeFrame } from "../../protocol/frames.ts";
import { ABNORMAL, UNAUTHORIZED } from "../contract.ts";
import type { Cancel, Clock, Random, TokenStore } from "../ports.ts";
import { backoffMs, toldMs } from "./backoff.ts";
import type { Link, Problem } from "./link.ts";
import { LOOK_MS, RENEWAL_CALM_MS, RENEWAL_PAUSE_MS, TOKEN_MS } from "./timing.ts";

/** Returns the site's token for the user who is signed in now; undefined if no user is. */
export type GetToken = () => Promise<string | undefined>;

export interface GreetingPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly link: Pick<Link, "request" | "drop" | "state">;
  readonly tokens: TokenStore;
  readonly getToken: GetToken | undefined;
  /** Returns the user of this client; undefined before the first welcome. */
  readonly self: () => Person | undefined;
  readonly welcomed: (frame: WelcomeFrame) => void;
  readonly handleRefused: (sentence: string) => void;
  /**
   * Called when a hello on a live connection was refused for another reason; the connection continues as
   * before.
   */
  readonly refused: (error: ErrorFrame) => void;
}

/** What an application returned as the token; `failed`: it cannot return one now. */
type Given = { readonly failed: true } | { readonly failed: false; readonly token: string | undefined };

const FAILED: Given = { failed: true };

/** Consecutive tokens that the server may reject before the user must act. */
const TOKENS_IN_A_ROW = 2;

/** Share of a short-lived token's remaining time after which the next one is requested. */
const SPENT_SHARE = 0.7;

/**
 * Returns whether a token is the site's: a JSON Web Token (RFC 7519) of three parts. A guest's token begins
 * with `g.`.
 */
function isSiteToken(token: string | undefined): boolean {
  return token?.split(".").length === 3 && !token.startsWith("g.");
}

/**
 * Tells the server who the user is: one hello at a time, and none that was refused before. For a user with a
 * token of the site no hello is sent without one.
 */
export class Greeting {
  readonly #ports: GreetingPorts;
  #handle: string | undefined;
  /** The token that `getToken` returned for the next hello. */
  #token: string | undefined;
  /** Token of the last hello. */
  #sent: string | undefined;
  /** Token of the last accepted hello, and the one that the server issued in return. */
  #accepted: string | undefined;
  #issued: string | undefined;
  #acceptedHandle: string | undefined;
  /** The last token that the server rejected, and the server's sentence. */
  #refused: string | undefined;
  #refusal = "";
  /** Consecutive rejected tokens. */
  #refusals = 0;
  #isBusy = false;
  /** Whether the next hello omits the stored guest token, because the server does not know it. */
  #forgetsToken = false;
  #liveAt = 0;
  /** Times that the server postponed a hello on this connection. */
  #postponed = 0;
  /** Set while a token is awaited, or another hello on this connection. */
  #cancelRenewal: Cancel | undefined;
  #cancelRetry: Cancel | undefined;
  #renewals = 0;
  #renewedAt = 0;

  constructor(handle: string | undefined, ports: GreetingPorts) {
    this.#handle = handle;
    this.#ports = ports;
  }

  /** To be called when the user acts: what was refused before may be sent once more. */
  start(): void {
    this.#refused = undefined;
    this.#refusals = 0;
  }

  /** Changes the name that others see, and sends it if there is a connection. */
  rename(handle: string): void {
    this.#handle = handle;
    if (this.#isLive) this.greet();
  }

  /** Gets the token of the next connection. `ready` is called once, with a problem if there is no token. */
  prepare(ready: (problem?: Problem) => void): Cancel {
    const { getToken, tokens } = this.#ports;
    if (getToken) return this.#ask(getToken, (given) => ready(this.#problemOf(given)));
    const isSignedOut = isSiteToken(this.#accepted) && !isSiteToken(tokens.load());
    ready(isSignedOut ? { cause: "unauthorized", reason: "" } : undefined);
    return () => undefined;
  }

  /** Sends a hello, unless one is pending: its answer decides whether another one is needed. */
  greet(): void {
    if (this.#isBusy) return;
    this.#stopRetry();
    const { link, getToken, tokens } = this.#ports;
    const token = getToken ? this.#token : this.#forgetsToken ? undefined : tokens.load();
    const handle = this.#handle;
    this.#sent = token;
    this.#isBusy = true;
    link.request({ type: "hello", handle, token }, (answer) => {
      this.#isBusy = false;
      if (answer?.type === "welcome") this.#welcomed(answer, handle, token);
      else if (answer?.type === "error") this.#helloRefused(answer, handle, token);
    });
  }

  /** To be called when the connection is no longer live. */
  rest(): void {
    this.#cancelRenewal?.();
    this.#cancelRenewal = undefined;
    this.#stopRetry();
    this.#postponed = 0;
  }

  /**
   * To be called when the server reports that the token expires in `inMs`. The same token is not sent again.
   * If the last one was requested a moment ago, the site's tokens are short-lived, and the next one is
   * requested when most of its time is over.
   */
  expiring(inMs: unknown): void {
    if (this.#cancelRenewal || !this.#isLive) return;
    const { clock, random } = this.#ports;
    if (clock.now() - this.#renewedAt > RENEWAL_CALM_MS) this.#renewals = 0;
    const spentMs = SPENT_SHARE * toldMs(inMs);
    const isShort = this.#renewals > 0 && spentMs >= RENEWAL_PAUSE_MS.shortest;
    this.#renew(isShort ? Math.min(spentMs, RENEWAL_PAUSE_MS.longest) : this.#pauseMs(random()));
  }

  /**
   * To be called when the server rejects the user, with its sentence. Returns whether another token may help.
   */
  shutOut(reason: string): boolean {
    const { clock, link, getToken, tokens } = this.#ports;
    if (getToken) {
      if (this.#isLive && clock.now() - this.#liveAt >= LOOK_MS) this.#refusals = 0;
      this.#refusals += 1;
      this.#refused = this.#sent;
      this.#refusal = reason;
      return this.#refusals <= TOKENS_IN_A_ROW;
    }
    // A stored token that no server knows must not lock a guest out: one more attempt without it.
    if (!this.#sent || isSiteToken(this.#sent) || link.state.name !== "greeting") return false;
    this.#forgetsToken = true;
    tokens.forget();
    return true;
  }

  get #isLive(): boolean {
    return this.#ports.link.state.name === "live";
  }

  /** Returns whether the server has not accepted the token yet. */
  #isNew(token: string | undefined): boolean {
    return token !== this.#accepted && token !== this.#issued;
  }

  #problemOf(given: Given): Problem | undefined {
    if (given.failed) return { cause: "token", reason: "" };
    const { token } = given;
    if (!token || token === this.#refused)
      return { cause: "unauthorized", reason: token ? this.#refusal : "" };
    this.#token = token;
    return undefined;
  }

  /**
   * Calls `done` once with what the application returns, unless cancelled; a call that takes too long has
   * failed.
   */
  #ask(getToken: GetToken, done: (given: Given) => void): Cancel {
    let isOpen = true;
    const settle = (given: Given): void => {
      stop();
      done(given);
    };
    const cancelDeadline = this.#ports.clock.after(TOKEN_MS, () => settle(FAILED));
    const stop = (): void => {
      isOpen = false;
      cancelDeadline();
    };
    const answered = (given: Given): void => {
      if (isOpen) settle(given);
    };
    const asked = async (): Promise<string | undefined> => getToken();
    asked().then(
      (token) => answered({ failed: false, token: typeof token === "string" ? token : undefined }),
      () => answered(FAILED),
    );
    return stop;
  }

  #pauseMs(jitter: number): number {
    return this.#renewals > 0 ? backoffMs(this.#renewals, jitter) : 0;
  }

  #renew(pauseMs: number): void {
    const { clock, random, getToken, tokens } = this.#ports;
    this.#renewals += 1;
    this.#renewedAt = clock.now();
    const ask = () => {
      this.#cancelRenewal = this.#ask(getToken ?? (async () => tokens.load()), (given) => {
        this.#cancelRenewal = undefined;
        const token = given.failed ? undefined : given.token;
        if (!token || !this.#isNew(token) || token === this.#refused) this.#renew(this.#pauseMs(random()));
        else {
          this.#token = token;
          this.greet();
        }
      });
    };
    if (pauseMs > 0) this.#cancelRenewal = clock.after(pauseMs, ask);
    else ask();
  }

  #welcomed(frame: WelcomeFrame, handle: string | undefined, token: string | undefined): void {
    const { clock, getToken, tokens, link, welcomed } = this.#ports;
    if (link.state.name === "greeting") this.#liveAt = clock.now();
    this.#accepted = token;
    this.#issued = frame.token;
    this.#acceptedHandle = handle;
    this.#postponed = 0;
    this.#forgetsToken = false;
    if (!getToken && frame.token) tokens.save(frame.token);
    welcomed(frame);
    // Either may have changed before the server answered.
    if (this.#handle !== handle || (getToken && this.#token !== token)) this.greet();
  }

  #helloRefused(error: ErrorFrame, handle: string | undefined, token: string | undefined): void {
    const { code, message, retryable, retryAfterMs } = error;
    const { clock, link, random, handleRefused } = this.#ports;
    const isFirst = link.state.name === "greeting";
    const problem = { reason: message, awayMs: retryAfterMs };
    if (code === "unauthorized") link.drop(UNAUTHORIZED, problem);
    else if (code === "bad-handle") {
      handleRefused(message);
      this.#withoutHandle(handle, isFirst, problem);
    } else if (retryable && !isFirst) {
      const pauseMs = Math.max(toldMs(retryAfterMs), backoffMs(this.#postponed, random()));
      this.#postponed += 1;
      this.#cancelRetry = clock.after(pauseMs, () => this.greet());
    } else if (retryable) link.drop(ABNORMAL, problem);
    else if (isFirst) {
      link.drop(ABNORMAL, { ...problem, cause: code === "forbidden" ? "forbidden" : "refused" });
    } else if (this.#isNew(token) && code === "forbidden") {
      // Another user has signed in, but a connection belongs to the user it began with.
      link.drop(ABNORMAL, problem);
    } else this.#goOnAsBefore(error, handle, token);
  }

  /** Sends a hello without the refused name, if that differs from the refused hello. */
  #withoutHandle(refused: string | undefined, isFirst: boolean, problem: Problem): void {
    // The name may have been changed meanwhile.
    const isAnother = this.#handle !== refused;
    if (!isAnother) {
      const before = this.#ports.self()?.handle;
      // The refused name may be the former one.
      this.#handle = before === refused || refused === undefined ? undefined : before;
    }
    if (isFirst && refused === undefined && !isAnother) {
      this.#ports.link.drop(ABNORMAL, { ...problem, cause: "refused" });
    } else if (isFirst || isAnother) this.greet();
  }

  #goOnAsBefore(error: ErrorFrame, handle: string | undefined, token: string | undefined): void {
    const { self, handleRefused, refused } = this.#ports;
    if (this.#isNew(token)) {
      this.#refused = token;
      this.#refusal = error.message;
      this.#token = this.#accepted;
    }
    if (this.#handle === handle) this.#handle = self()?.handle;
    if (handle === this.#acceptedHandle) refused(error);
    else handleRefused(error.message);
  }

  #stopRetry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }
}
