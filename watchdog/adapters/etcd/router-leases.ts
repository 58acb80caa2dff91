import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { RouterLease } from "../../core/state/observations.ts";
import type { Clock } from "../../util/clock.ts";
import type { EtcdClient } from "./client.ts";
import { EtcdError } from "./errors.ts";
import { parseValue } from "./json.ts";
import type { EtcdKeys } from "./keys.ts";
import { LeasedKey } from "./leased-key.ts";

const leaseSchema = z.object({
  router: z.string().min(1),
  acknowledgedEpoch: z.number().int().min(0),
  /** Identifies one run of a watchdog: two watchdogs with one name must not acknowledge for each other. */
  instance: z.string().min(1),
});

export interface RouterLeasesOptions {
  readonly client: EtcdClient;
  readonly keys: EtcdKeys;
  readonly clock: Clock;
  readonly leaseTtlMs: number;
}

/** Keeps one key per router, under a lease of its own, with the epoch that the router has acknowledged. */
export class EtcdRouterLeases {
  readonly #options: RouterLeasesOptions;
  readonly #instance = randomUUID();
  readonly #routers = new Map<string, { readonly key: LeasedKey; acknowledgedEpoch: number; everHeld: boolean }>();

  constructor(options: RouterLeasesOptions) {
    this.#options = options;
  }

  async renew(router: string): Promise<{ readonly validForMs: number }> {
    const held = this.#held(router);
    const hold = await held.key.hold(this.#value(router, held.acknowledgedEpoch));
    if (!hold.held) {
      throw new EtcdError(
        "rejected",
        `etcd: another watchdog has taken the lease of router ${router}; every watchdog needs a unique name`,
      );
    }
    held.everHeld = true;
    return { validForMs: hold.validForMs };
  }

  /** Never lowers the acknowledged epoch. Requires the lease: without one the router may not acknowledge. */
  async acknowledge(router: string, epoch: number): Promise<void> {
    const held = this.#held(router);
    held.acknowledgedEpoch = Math.max(held.acknowledgedEpoch, epoch);
    if (await held.key.change(this.#value(router, held.acknowledgedEpoch))) return;
    throw new EtcdError(
      "rejected",
      `etcd: router ${router} holds no lease any more, so epoch ${epoch} is not recorded`,
    );
  }

  /** A linearizable read, so that after a write of `closing` no lease taken before it is missed. */
  async list(): Promise<readonly RouterLease[]> {
    const found = await this.#options.client.list(this.#options.keys.routers);
    return found.map((one) => {
      const { router, acknowledgedEpoch } = parseValue(one, leaseSchema);
      return { router, acknowledgedEpoch };
    });
  }

  #held(router: string) {
    const present = this.#routers.get(router);
    if (present !== undefined) return present;
    const { client, keys, clock, leaseTtlMs } = this.#options;
    const mayTakeOver = (value: string) => !created.everHeld || this.#isOurs(value);
    const key = new LeasedKey({ client, clock, key: keys.routers + router, ttlMs: leaseTtlMs, mayTakeOver });
    const created = { key, acknowledgedEpoch: 0, everHeld: false };
    this.#routers.set(router, created);
    return created;
  }

  #value(router: string, acknowledgedEpoch: number): string {
    return JSON.stringify({ router, acknowledgedEpoch, instance: this.#instance });
  }

  #isOurs(value: string): boolean {
    return value.includes(this.#instance);
  }
}
