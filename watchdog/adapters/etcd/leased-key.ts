import type { Clock } from "../../util/clock.ts";
import type { EtcdClient } from "./client.ts";
import { EtcdError } from "./errors.ts";
import { grantLease, keepLeaseAlive, leaseRemainingSeconds, revokeLease } from "./leases.ts";
import type { KeyValue, LeaseId, Revision } from "./wire.ts";

export interface LeasedKeyOptions {
  readonly client: EtcdClient;
  readonly clock: Clock;
  readonly key: string;
  /** How long the key outlives its last renewal. etcd counts whole seconds, so the lease itself is rounded up. */
  readonly ttlMs: number;
  /** Decides, by its value, whether a key that another lease holds may be taken over. */
  readonly mayTakeOver: (value: string) => boolean;
}

export type Hold =
  | {
      readonly held: true;
      /** How long the key exists for certain, counted from the start of the call. */
      readonly validForMs: number;
      /** The same, as a time of the given clock. */
      readonly untilMonotonicMs: number;
      readonly createRevision: Revision;
    }
  | { readonly held: false; readonly holder: string };

interface HeldLease {
  readonly id: LeaseId;
  /** As granted: never less than requested. */
  readonly ttlSeconds: number;
}

/** Rounds of read and compare-and-swap against others that change the same key, before giving up. */
const maxRounds = 4;

/**
 * A key bound to a lease of its own that this process renews.
 *
 * A hold is valid for the whole time to live, counted from before the request: etcd's leader starts the lease's time when
 * it renews the lease, which is later; a new leader restarts all leases at full length, so a change of leader only
 * lengthens them. (A deposed leader that does not know it renews nothing, because etcd confirms its leadership first; since
 * 3.5.13 it revokes nothing either: etcd pull request 17425.) For the same reasons a key may outlive its hold, which is
 * safe. A renewal that races with the lease's end may succeed although the lease is gone (etcd issue 20547), so the key
 * itself is read after each renewal.
 *
 * Every write compares the key's revision, so that a delayed write cannot undo a later one.
 */
export class LeasedKey {
  readonly #options: LeasedKeyOptions;
  #lease: HeldLease | null = null;
  /** The key as last read or written; undefined when its state is uncertain. */
  #seen: KeyValue | null | undefined;

  constructor(options: LeasedKeyOptions) {
    if (!(options.ttlMs > 0)) throw new Error(`a lease's time to live must be above 0 ms, not ${options.ttlMs}`);
    this.#options = options;
  }

  /**
   * Takes or renews the key with this value, and verifies that it is there under our lease.
   *
   * @throws EtcdError the hold taken before, if any, keeps its end
   */
  async hold(value: string): Promise<Hold> {
    const startedMs = this.#options.clock.monotonicMs();
    await this.#renewLease();
    // Without a lease of its own, this process reads first: it may have to yield, or to outlast a predecessor's lease.
    if (this.#lease === null) {
      const current = await this.#read();
      if (current !== null && !this.#options.mayTakeOver(current.value)) return { held: false, holder: current.value };
      this.#lease = await this.#grant(current);
    }
    return this.#put(value, this.#lease, startedMs);
  }

  /** Changes the value under the held lease without renewing it. False when the key is no longer ours. */
  async change(value: string): Promise<boolean> {
    if (this.#lease === null) return false;
    const current = await this.#known();
    if (current?.lease !== this.#lease.id) return false;
    return (await this.#put(value, this.#lease, 0)).held;
  }

  /** Revokes the lease, which deletes the key if it is ours. */
  async release(): Promise<void> {
    const lease = this.#lease;
    this.#forget();
    if (lease !== null) await revokeLease(this.#options.client, lease.id);
  }

  async #renewLease(): Promise<void> {
    if (this.#lease === null) return;
    const ttlSeconds = await keepLeaseAlive(this.#options.client, this.#lease.id);
    if (ttlSeconds === null) this.#forget();
    else this.#lease = { id: this.#lease.id, ttlSeconds };
  }

  /**
   * A lease that ends no earlier than the one that now holds the key: its holder, such as a previous run of this watchdog
   * with another configuration, may rely on it to its end.
   */
  async #grant(current: KeyValue | null): Promise<HeldLease> {
    const { client, ttlMs } = this.#options;
    const remainingSeconds =
      current === null || current.lease === "0" ? 0 : await leaseRemainingSeconds(client, current.lease);
    return grantLease(client, Math.max(Math.ceil(ttlMs / 1_000), remainingSeconds + 1));
  }

  async #put(value: string, lease: HeldLease, startedMs: number): Promise<Hold> {
    const { key, ttlMs, mayTakeOver } = this.#options;
    let current = await this.#known();
    for (let round = 0; round < maxRounds; round++) {
      const ours = current?.lease === lease.id;
      if (current !== null && !ours && !mayTakeOver(current.value)) {
        await this.release();
        return { held: false, holder: current.value };
      }
      const written = await this.#compareAndSwap(current, ours && current?.value === value ? null : value, lease.id);
      if ("held" in written) {
        this.#seen = written.held;
        const validForMs = Math.min(ttlMs, lease.ttlSeconds * 1_000);
        const untilMonotonicMs = startedMs + validForMs;
        return { held: true, validForMs, untilMonotonicMs, createRevision: written.held.createRevision };
      }
      current = written.instead;
    }
    this.#seen = undefined;
    throw new EtcdError("rejected", `etcd: ${key} keeps changing; do two watchdogs share a name?`, true);
  }

  /** Verifies that the key is as it was seen and, unless `value` is null, writes it. */
  async #compareAndSwap(
    current: KeyValue | null,
    value: string | null,
    lease: LeaseId,
  ): Promise<{ readonly held: KeyValue } | { readonly instead: KeyValue | null }> {
    const { client, key } = this.#options;
    this.#seen = undefined;
    const answer = await client.transact(`${value === null ? "check" : "write"} of ${key}`, {
      compare: [{ key, modRevision: current?.modRevision ?? "0" }],
      success: value === null ? [] : [{ put: key, value, lease }],
      failure: [{ get: key }],
      // A repetition finds the first run's write in the failure branch and recognizes it as ours.
      guarded: true,
    });
    if (!answer.succeeded) return { instead: answer.read[0]?.[0] ?? null };
    if (value === null && current !== null) return { held: current };
    const { revision } = answer;
    const createRevision = current?.createRevision ?? revision;
    return { held: { key, value: value ?? "", createRevision, modRevision: revision, lease } };
  }

  async #known(): Promise<KeyValue | null> {
    return this.#seen === undefined ? this.#read() : this.#seen;
  }

  async #read(): Promise<KeyValue | null> {
    this.#seen = await this.#options.client.get(this.#options.key);
    return this.#seen;
  }

  #forget(): void {
    this.#lease = null;
    this.#seen = undefined;
  }
}
