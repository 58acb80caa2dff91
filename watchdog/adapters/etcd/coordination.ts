import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Campaign, Coordination } from "../../core/ports/coordination.ts";
import type { Member } from "../../core/state/record.ts";
import { embedded } from "../../core/state/record-codec.ts";
import { type WatchdogReport, watchdogReportSchema } from "../../core/state/report.ts";
import type { Clock } from "../../util/clock.ts";
import type { EtcdClient } from "./client.ts";
import { EtcdError } from "./errors.ts";
import { parseValue } from "./json.ts";
import { defaultPrefix, type EtcdKeys, etcdKeys } from "./keys.ts";
import { type Hold, LeasedKey } from "./leased-key.ts";
import type { LeadershipToken } from "./record-store.ts";

export interface EtcdCoordinationOptions {
  readonly client: EtcdClient;
  readonly clock: Clock;
  /** Name of this watchdog, unique among all. */
  readonly watchdog: string;
  /** As for the store. */
  readonly prefix?: string;
  /** How long a leadership and a report outlive their last renewal, milliseconds. */
  readonly leaseTtlMs: number;
}

const registeredMemberSchema = z.object({
  name: z.string().min(1),
  site: z.string().min(1),
  router: z.string().min(1).nullable(),
  failsafeUrl: z.url({ protocol: /^https$/ }).nullable(),
}) satisfies z.ZodType<Member>;

const controllerSchema = z.object({ watchdog: z.string().min(1), instance: z.string().min(1) });

/** Coordination of several watchdogs through etcd: a lease for the leadership, and one for the report of each. */
export class EtcdCoordination implements Coordination {
  readonly #client: EtcdClient;
  readonly #clock: Clock;
  readonly #keys: EtcdKeys;
  readonly #controllerValue: string;
  readonly #controller: LeasedKey;
  readonly #report: LeasedKey;
  #leadership: Extract<Hold, { held: true }> | null = null;

  constructor({ client, clock, watchdog, leaseTtlMs: ttlMs, prefix = defaultPrefix }: EtcdCoordinationOptions) {
    this.#client = client;
    this.#clock = clock;
    this.#keys = etcdKeys(prefix);
    const instance = randomUUID();
    this.#controllerValue = JSON.stringify({ watchdog, instance });
    // A leadership is never taken over, not even from a previous run of this watchdog: its lease has to expire.
    const mayLead = (value: string) => value === this.#controllerValue;
    this.#controller = new LeasedKey({ client, clock, key: this.#keys.controller, ttlMs, mayTakeOver: mayLead });
    const key = this.#keys.reports + watchdog;
    this.#report = new LeasedKey({ client, clock, key, ttlMs, mayTakeOver: () => true });
  }

  async publish(report: WatchdogReport): Promise<void> {
    await this.#report.hold(JSON.stringify({ ...report, copy: report.copy === null ? null : embedded(report.copy) }));
  }

  async reports(): Promise<readonly WatchdogReport[]> {
    return (await this.#client.list(this.#keys.reports)).map((found) => parseValue(found, watchdogReportSchema));
  }

  async campaign(): Promise<Campaign> {
    const hold = await this.#controller.hold(this.#controllerValue);
    this.#leadership = hold.held ? hold : null;
    if (hold.held) return { leading: true, untilMonotonicMs: hold.untilMonotonicMs };
    const found = controllerSchema.safeParse(JSON.parse(hold.holder));
    return { leading: false, leader: found.success ? found.data.watchdog : null };
  }

  async resign(): Promise<void> {
    this.#leadership = null;
    await this.#controller.release();
  }

  /** Binds a record write to this leadership, for the store's `fence`; null when this watchdog is not the controller. */
  leadershipToken(): LeadershipToken | null {
    const leadership = this.#leadership;
    if (leadership === null || this.#clock.monotonicMs() >= leadership.untilMonotonicMs) return null;
    return { key: this.#keys.controller, createRevision: leadership.createRevision };
  }

  async register(self: Member): Promise<void> {
    const key = this.#keys.watchdogs + self.name;
    const value = JSON.stringify(registeredMemberSchema.parse(self));
    const current = await this.#client.get(key);
    if (current?.value === value) return;
    const { succeeded } = await this.#client.transact(`write of ${key}`, {
      compare: [{ key, modRevision: current?.modRevision ?? "0" }],
      success: [{ put: key, value }],
      failure: [],
    });
    if (!succeeded) throw new EtcdError("rejected", `etcd: ${key} was changed concurrently; try again`);
  }

  async members(): Promise<readonly Member[]> {
    return (await this.#client.list(this.#keys.watchdogs)).map((found) => parseValue(found, registeredMemberSchema));
  }

  async forget(name: string): Promise<void> {
    const key = this.#keys.watchdogs + name;
    await this.#client.transact(`delete of ${key}`, { compare: [], success: [{ delete: key }], failure: [] });
  }
}
