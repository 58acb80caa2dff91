import { setTimeout as delay } from "node:timers/promises";
import type { TestCluster } from "../../../lab/elasticsearch/cluster.ts";
import { eventually } from "../../../lab/util/until.ts";
import { users } from "../../../watchdog/config/roles.ts";

/** The user of the clients. */
export const application = { username: users.app.name, password: "in-process-test-app-password" };

/** Two writers that send one request after the other. Each id is written once, and counts once acknowledged. */
export class Writers {
  readonly #name: string;
  readonly acknowledged = new Set<string>();
  readonly #target: () => TestCluster | null;
  readonly #stop = new AbortController();
  readonly #writers: Promise<void>[] = [];
  /** Times of the acknowledgements, in order. */
  readonly #times: number[] = [];

  constructor(name: string, target: () => TestCluster | null) {
    this.#name = name;
    this.#target = target;
  }

  start(): void {
    for (const name of ["a", "b"]) this.#writers.push(this.#write(name));
  }

  /** Waits for this many further acknowledged writes. */
  async next(count: number): Promise<void> {
    const wanted = this.acknowledged.size + count;
    await eventually(`${count} more writes are acknowledged`, 60_000, () => this.acknowledged.size >= wanted);
  }

  /** Ends the load. @returns the longest and second longest times without an acknowledged write */
  async stop(): Promise<{ readonly failover: number; readonly switchover: number }> {
    this.#stop.abort();
    await Promise.all(this.#writers);
    const pauses = this.#times.slice(1).map((atMs, n) => atMs - (this.#times[n] ?? atMs));
    const [failover = 0, switchover = 0] = pauses.toSorted((a, b) => b - a);
    return { failover: Math.round(failover), switchover: Math.round(switchover) };
  }

  async #write(name: string): Promise<void> {
    for (let n = 0; !this.#stop.signal.aborted; n += 1) {
      const id = `${name}-${n}`;
      const cluster = this.#target();
      // Through the alias or the data stream, like applications: it must have a write index after each change.
      const body = { "@timestamp": Date.now(), n };
      const answer = await cluster
        ?.rest("PUT", `/${this.#name}/_create/${id}`, { body, as: application, timeoutMs: 2_000 })
        .catch(() => null);
      if (answer?.status === 201) {
        this.acknowledged.add(id);
        this.#times.push(performance.now());
      }
      await delay(20);
    }
  }
}
