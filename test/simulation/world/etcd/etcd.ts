import { EtcdError } from "../../../../watchdog/adapters/etcd/errors.ts";
import { type Site, sites } from "../layout.ts";
import type { Network } from "../network.ts";
import type { RecordCell } from "../record-cell.ts";
import type { Connection, SimStore, StoreUser } from "../store.ts";
import type { World } from "../world.ts";
import { type EtcdSession, etcdCoordination, etcdStore } from "./client.ts";
import { EtcdKeys } from "./keys.ts";

const ATTEMPT_TIMEOUT_MS = 1_000;
const DEADLINE_MS = 3_000;
const COMMIT_MS = 90;
/** How much later than its time a proposal may be carried out that its client has given up. */
const LATE_MS_MAX = 8_000;

/**
 * An etcd cluster with a member per site, as its clients see it: linearizable, as long as a member in reach has a
 * majority. A request may take effect although its client gave it up, even much later. Writes of the record by a
 * watchdog that no longer leads are refused.
 */
export class SimEtcd implements SimStore {
  readonly keys: EtcdKeys;
  readonly down = new Set<Site>();
  /** Set by faults: the longest delay of an answer, and the share of changes whose outcome is not reported. */
  slowMs = 0;
  /** The only site whose requests are slow; null: all are. */
  slowSite: Site | null = null;
  ambiguity = 0;
  readonly #world: World;
  readonly #network: Network;
  #instances = 0;

  constructor(world: World, network: Network, ttlMs: number) {
    this.#world = world;
    this.#network = network;
    this.keys = new EtcdKeys(world, ttlMs);
  }

  get cell(): RecordCell {
    return this.keys.record;
  }

  /** Name of the watchdog that leads. */
  get leader(): string | null {
    return this.keys.live(this.keys.leader)?.watchdog ?? null;
  }

  hasQuorum(member: Site): boolean {
    if (this.down.has(member)) return false;
    return sites.filter((other) => !this.down.has(other) && this.#network.talk(member, other)).length >= 2;
  }

  /** A member becomes the leader of the etcd cluster. */
  elect(): void {
    this.keys.extendLeases();
  }

  wipe(): void {
    this.keys.wipe();
  }

  connect(user: StoreUser): Connection {
    this.#instances += 1;
    const requests = {
      read: <T>(answer: () => T) => this.#ask(user, false, answer),
      change: <T>(make: () => T) => this.#ask(user, true, make),
    };
    const session: EtcdSession = { keys: this.keys, requests, user, instance: this.#instances, leadership: null };
    return { store: etcdStore(session), coordination: etcdCoordination(session) };
  }

  /** Asks the nearest member that has a majority; without one, fails after the time it takes to find out. */
  #ask<T>({ process, site }: StoreUser, isChange: boolean, effect: () => T): Promise<T> {
    const { random } = this.#world;
    const candidates = [site, ...sites.filter((other) => other !== site)];
    const member = candidates.find((one) => this.#network.talk(site, one) && this.hasQuorum(one));
    if (member === undefined) {
      // A member that is down refuses at once; one behind a cut, or without a majority, costs its timeout.
      const isRefused = candidates.every((one) => this.down.has(one) && this.#network.talk(site, one));
      const takesMs = isRefused ? 1 : random.pick([ATTEMPT_TIMEOUT_MS, 2 * ATTEMPT_TIMEOUT_MS, DEADLINE_MS]);
      return process.call({ effectMs: takesMs, answerMs: 0 }, () => {
        throw new EtcdError("no-quorum", "etcd: a majority of the members is missing, or no leader is elected yet");
      });
    }
    const failure = () =>
      new EtcdError("timeout", "etcd: no answer in time. The change may have been made all the same.", isChange);
    const options = { from: site, to: member, timeoutMs: DEADLINE_MS, failure };
    return this.#network.call(process, options, () =>
      this.#serve(member, this.slowSite === null || this.slowSite === site, isChange, effect),
    );
  }

  #serve<T>(member: Site, maybeSlow: boolean, isChange: boolean, effect: () => T): Promise<T> {
    const { random } = this.#world;
    const isSlow = maybeSlow && this.slowMs > 0 && random.chance(0.4);
    const commitMs = COMMIT_MS + (isSlow ? random.between(0, this.slowMs) : 0);
    const isLost = isChange && random.chance(this.ambiguity);
    const lateMs = isLost && random.chance(0.5) ? random.between(0, LATE_MS_MAX) : 0;
    return new Promise<T>((resolve, reject) => {
      this.#world.after(commitMs + lateMs, () => {
        this.#world.touch();
        if (!this.hasQuorum(member)) return;
        try {
          const value = effect();
          if (!isLost) resolve(value);
        } catch (error) {
          if (!isLost) reject(error);
        }
      });
    });
  }
}
