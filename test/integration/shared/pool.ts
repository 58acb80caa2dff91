import { type ClusterPair, startClusterPair } from "../../../lab/elasticsearch/start-cluster.ts";
import { messageOf } from "../../../watchdog/util/errors.ts";
import { reset } from "./reset.ts";

export interface PairPoolOptions {
  /** Default: a pair of real clusters. */
  readonly start?: () => Promise<ClusterPair>;
  /** Makes a pair as good as new; one for which this fails is stopped. */
  readonly reset?: (pair: ClusterPair) => Promise<void>;
  /** Called with the reason when a pair is stopped before the end. */
  readonly discarded: (reason: string) => void;
}

/**
 * Pairs of Elasticsearch clusters that test files use one after the other: a start costs 16 seconds of processor time, a
 * reset costs one. A pair has one borrower at a time. It starts when a file needs it, and goes to the next file only
 * after a reset that was verified.
 */
export class PairPool {
  readonly #options: Required<PairPoolOptions>;
  readonly #idle: ClusterPair[] = [];
  readonly #lent = new Set<ClusterPair>();
  readonly #resets = new Set<Promise<void>>();

  constructor({ start = startClusterPair, reset: makeNew = reset, discarded }: PairPoolOptions) {
    this.#options = { start, reset: makeNew, discarded };
  }

  async borrow(): Promise<ClusterPair> {
    // A reset is quicker than a start.
    while (this.#idle.length === 0 && this.#resets.size > 0) await Promise.race(this.#resets);
    const pair = this.#idle.pop() ?? (await this.#options.start());
    this.#lent.add(pair);
    return pair;
  }

  /** Resolves once the pair is ready for its next borrower, or stopped. */
  async giveBack(pair: ClusterPair): Promise<void> {
    if (!this.#lent.delete(pair)) return;
    const resetting = this.#reset(pair);
    this.#resets.add(resetting);
    await resetting.finally(() => this.#resets.delete(resetting));
  }

  async #reset(pair: ClusterPair): Promise<void> {
    try {
      await this.#options.reset(pair);
      this.#idle.push(pair);
    } catch (error) {
      this.#options.discarded(messageOf(error));
      await pair.stop();
    }
  }

  /** Stops every pair, borrowed ones too. */
  async stop(): Promise<void> {
    await Promise.all(this.#resets);
    const pairs = [...this.#idle.splice(0), ...this.#lent];
    this.#lent.clear();
    await Promise.all(pairs.map((pair) => pair.stop()));
  }
}
