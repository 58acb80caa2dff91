import { EtcdError } from "../../../watchdog/adapters/etcd/errors.ts";
import type { Coordination } from "../../../watchdog/core/ports/coordination.ts";
import type { Store, StoredRecord } from "../../../watchdog/core/ports/store.ts";
import type { HistoryEntry } from "../../../watchdog/core/state/history.ts";
import type { Member } from "../../../watchdog/core/state/record.ts";
import { parseStateRecord, type StateRecord } from "../../../watchdog/core/state/record.ts";
import type { WatchdogReport } from "../../../watchdog/core/state/report.ts";
import { type Network, type Site, sites } from "./network.ts";
import type { Process, World } from "./world.ts";

interface Leased {
  untilMs: number;
  readonly instance: number;
}

/** Who asks: one run of a watchdog at one site. */
export interface EtcdUser {
  readonly process: Process;
  readonly site: Site;
  readonly watchdog: string;
}

const ATTEMPT_TIMEOUT_MS = 1_000;
const DEADLINE_MS = 3_000;

/**
 * An etcd cluster with a member per site, as its client sees it: linearizable, as long as a member that can be reached
 * reaches a majority. Leases run on the cluster's own clock; a request may take effect although it was given up, even
 * long after; what a deposed leader of the watchdogs writes is refused.
 */
export class SimEtcd {
  readonly #world: World;
  readonly #network: Network;
  readonly #ttlMs: number;
  readonly down = new Set<Site>();
  /** Set by faults: the longest delay of an answer, and the share of changes whose outcome nobody learns. */
  slowMs = 0;
  /** The only site whose requests are slow; null: all are. */
  slowSite: Site | null = null;
  ambiguity = 0;
  stored: StoredRecord | null = null;
  readonly history: HistoryEntry[] = [];
  readonly #routers = new Map<string, Leased & { acknowledgedEpoch: number }>();
  readonly #sightings = new Map<string, Leased & { readonly sighting: WatchdogReport; readonly order: number }>();
  readonly #known = new Map<string, Member>();
  #decider: (Leased & { readonly watchdog: string; readonly createRevision: number }) | null = null;
  #revision = 0;
  #instances = 0;
  /** Told of every write before it happens. */
  onWrite: (before: StateRecord | null, after: StateRecord, rule: string, process: Process) => void = () => {};

  constructor(world: World, network: Network, ttlMs: number) {
    this.#world = world;
    this.#network = network;
    this.#ttlMs = ttlMs;
  }

  get leader(): string | null {
    const decider = this.#live(this.#decider);
    return decider?.watchdog ?? null;
  }

  hasQuorum(member: Site): boolean {
    if (this.down.has(member)) return false;
    return sites.filter((other) => !this.down.has(other) && this.#network.talk(member, other)).length >= 2;
  }

  /** A new leader of the cluster starts all leases anew at full length. */
  elect(): void {
    const untilMs = this.#world.nowMs + this.#ttlMs;
    for (const leased of [...this.#routers.values(), ...this.#sightings.values(), this.#decider]) {
      if (leased !== null && leased.untilMs > this.#world.nowMs) leased.untilMs = untilMs;
    }
  }

  /** The members lose everything: the store comes up empty. */
  wipe(): void {
    this.stored = null;
    this.#routers.clear();
    this.#sightings.clear();
    this.#known.clear();
    this.#decider = null;
  }

  /** Store and coordination of one watchdog, which share its leadership. */
  connect(user: EtcdUser): { readonly store: Store; readonly coordination: Coordination } {
    this.#instances += 1;
    const instance = this.#instances;
    const leadership: { token: { createRevision: number; untilMonotonicMs: number } | null } = { token: null };
    return {
      store: this.#store(user, instance, () => {
        const { token } = leadership;
        return token !== null && user.process.host.monotonicMs() < token.untilMonotonicMs ? token.createRevision : null;
      }),
      coordination: this.#coordination(user, instance, leadership),
    };
  }

  #store(user: EtcdUser, instance: number, token: () => number | null): Store {
    const read = <T>(answer: () => T) => this.#ask(user, false, answer);
    const change = <T>(make: () => T) => this.#ask(user, true, make);
    const acknowledged = new Map<string, number>();
    const held = new Set<string>();
    return {
      read: () => read(() => this.stored),
      write: async (record, expected, entry) => {
        const createRevision = token();
        if (createRevision === null) return "conflict";
        return change(() => {
          if ((this.stored?.revision ?? null) !== expected) return "conflict";
          if (this.#live(this.#decider)?.createRevision !== createRevision) return "conflict";
          this.onWrite(this.stored?.record ?? null, record, entry.rule, user.process);
          this.#revision += 1;
          // Through the schema, as everything that comes back from a store.
          this.stored = { record: parseStateRecord(structuredClone(record)), revision: String(this.#revision) };
          this.history.push(entry);
          return { revision: this.stored.revision };
        });
      },
      history: (limit) => read(() => this.history.slice(-limit)),
      renewRouterLease: (router) =>
        change(() => {
          const present = this.#live(this.#routers.get(router) ?? null);
          if (present !== null && present.instance !== instance && held.has(router)) {
            throw new EtcdError("rejected", `etcd: another watchdog has taken the lease of router ${router}`);
          }
          held.add(router);
          const untilMs = Math.max(present?.untilMs ?? 0, this.#world.nowMs + this.#ttlMs);
          this.#routers.set(router, { untilMs, instance, acknowledgedEpoch: acknowledged.get(router) ?? 0 });
          return { validForMs: this.#ttlMs };
        }),
      acknowledge: (router, epoch) => {
        acknowledged.set(router, Math.max(acknowledged.get(router) ?? 0, epoch));
        return change(() => {
          const lease = this.#live(this.#routers.get(router) ?? null);
          if (lease?.instance !== instance) throw new EtcdError("rejected", `etcd: ${router} holds no lease any more`);
          lease.acknowledgedEpoch = Math.max(lease.acknowledgedEpoch, epoch);
        });
      },
      routerLeases: () =>
        read(() =>
          [...this.#routers].flatMap(([router, lease]) =>
            this.#live(lease) === null ? [] : [{ router, acknowledgedEpoch: lease.acknowledgedEpoch }],
          ),
        ),
    };
  }

  #coordination(
    user: EtcdUser,
    instance: number,
    leadership: { token: { createRevision: number; untilMonotonicMs: number } | null },
  ): Coordination {
    const read = <T>(answer: () => T) => this.#ask(user, false, answer);
    const change = <T>(make: () => T) => this.#ask(user, true, make);
    let published = 0;
    return {
      publish: (sighting) => {
        published += 1;
        const order = published;
        return change(() => {
          const present = this.#sightings.get(sighting.watchdog);
          if (present !== undefined && present.instance === instance && present.order > order) return;
          if (present !== undefined && present.instance > instance) return;
          const untilMs = this.#world.nowMs + this.#ttlMs;
          this.#sightings.set(sighting.watchdog, { sighting, untilMs, instance, order });
        });
      },
      reports: () =>
        read(() => [...this.#sightings.values()].flatMap((one) => (this.#live(one) === null ? [] : [one.sighting]))),
      campaign: async () => {
        const startedMs = user.process.host.monotonicMs();
        const decider = await change(() => {
          const present = this.#live(this.#decider);
          if (present !== null && present.instance !== instance) return present;
          const untilMs = this.#world.nowMs + this.#ttlMs;
          this.#revision += 1;
          const createRevision = present?.createRevision ?? this.#revision;
          this.#decider = { watchdog: user.watchdog, instance, untilMs, createRevision };
          return this.#decider;
        });
        leadership.token = null;
        if (decider.instance !== instance) return { leading: false, leader: decider.watchdog };
        const untilMonotonicMs = startedMs + this.#ttlMs;
        leadership.token = { createRevision: decider.createRevision, untilMonotonicMs };
        return { leading: true, untilMonotonicMs };
      },
      resign: () => {
        leadership.token = null;
        return change(() => {
          if (this.#decider?.instance === instance) this.#decider = null;
        });
      },
      register: (self) => change(() => void this.#known.set(self.name, self)),
      members: () => read(() => [...this.#known.values()]),
      forget: (name) => change(() => void this.#known.delete(name)),
    };
  }

  #live<T extends Leased>(leased: T | null): T | null {
    return leased !== null && leased.untilMs > this.#world.nowMs ? leased : null;
  }

  /** The nearest member that has a majority; without one, the error and how long it takes to learn of it. */
  #ask<T>({ process, site }: EtcdUser, isChange: boolean, effect: () => T): Promise<T> {
    const { random } = this.#world;
    const candidates = [site, ...sites.filter((other) => other !== site)];
    const member = candidates.find((one) => this.#network.talk(site, one) && this.hasQuorum(one));
    const failure = () =>
      new EtcdError("timeout", "etcd: no answer in time. The change may have been made all the same.", isChange);
    if (member === undefined) {
      // A member that is down refuses at once; one behind a cut, or without a majority, costs its time.
      const isRefused = candidates.every((one) => this.down.has(one) && this.#network.talk(site, one));
      const takesMs = isRefused ? 1 : random.pick([ATTEMPT_TIMEOUT_MS, 2 * ATTEMPT_TIMEOUT_MS, DEADLINE_MS]);
      return process.call({ effectMs: takesMs, answerMs: 0 }, () => {
        throw new EtcdError("no-quorum", "etcd: a majority of the members is missing, or no leader is elected yet");
      });
    }
    const options = { from: site, to: member, timeoutMs: DEADLINE_MS, failure };
    return this.#network.call(process, options, () =>
      this.#serve(member, this.slowSite === null || this.slowSite === site, isChange, effect),
    );
  }

  #serve<T>(member: Site, maybeSlow: boolean, isChange: boolean, effect: () => T): Promise<T> {
    const { random } = this.#world;
    const commitMs = 90 + (maybeSlow && this.slowMs > 0 && random.chance(0.4) ? random.between(0, this.slowMs) : 0);
    const isLost = isChange && random.chance(this.ambiguity);
    // Given up by its client, a proposal may still be carried out, now or some seconds later.
    const lateMs = isLost && random.chance(0.5) ? random.between(0, 8_000) : 0;
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
