import type { Redis } from "ioredis";
import type { ThrottledLogger } from "../../../logging/throttled-logger.ts";
import type { StoreLimits } from "../../store.ts";
import { classify, describe } from "../errors.ts";
import type { Keys } from "../keys.ts";
import type { Script } from "../node/scripts.ts";
import { accessScript, appendScript } from "./append-script.ts";
import { NetworkDigests } from "./network-digests.ts";
import { Publications } from "./publications.ts";

/** Name of the secret of `Publications`. */
const PUBLICATIONS = "publications";

/**
 * What depends on the store's secret: the scripts that sign publications with it, their check, and the
 * digests of networks.
 */
export class Signing {
  readonly publications: Publications;
  readonly networks: NetworkDigests;
  readonly #keys: Keys;
  readonly #limits: StoreLimits;
  readonly #throttled: ThrottledLogger;
  readonly #changed: (script: Script) => void;
  #script: Script;
  #accessScript: Script;

  /** @param changed is called with each script that takes the place of the one before. */
  constructor(
    keys: Keys,
    limits: StoreLimits,
    throttled: ThrottledLogger,
    changed: (script: Script) => void,
  ) {
    this.#keys = keys;
    this.#limits = limits;
    this.#throttled = throttled;
    this.#changed = changed;
    this.publications = new Publications(keys.shared(PUBLICATIONS));
    this.networks = new NetworkDigests(this.publications.secret);
    this.#script = this.#newScript();
    this.#accessScript = this.#newAccessScript();
  }

  /** The append script that signs with the secret. */
  get script(): Script {
    return this.#script;
  }

  /** The access script that signs with the secret. */
  get accessScript(): Script {
    return this.#accessScript;
  }

  /**
   * Adopts the store's secret for publications, and returns whether it is another one than before. Without it
   * every process has to read each message from the store. Rejects as the command does.
   */
  async learn(redis: Redis): Promise<boolean> {
    try {
      if (!(await this.publications.learn(redis))) return false;
      this.#script = this.#newScript();
      this.#accessScript = this.#newAccessScript();
      this.networks.use(this.publications.secret);
      this.#changed(this.#script);
      return true;
    } catch (error) {
      // Another program's key has this name, or this user may not read it.
      if (classify(error) !== "unexpected") throw error;
      const fields = { event: "publications", reason: describe(error) };
      this.#throttled.log(
        "error",
        "the secret of publications cannot be read: every message is read from the store",
        fields,
      );
      return false;
    }
  }

  /** As `learn`, on a server that has the script of the secret before. */
  async renew(redis: Redis): Promise<void> {
    if (await this.learn(redis)) await redis.script("LOAD", this.#script.body);
  }

  #newAccessScript(): Script {
    return accessScript(this.#limits, this.publications.secret, this.#keys);
  }

  #newScript(): Script {
    return appendScript(this.#limits, this.publications.secret, this.#keys);
  }
}
