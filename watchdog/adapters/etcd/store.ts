import type { Store } from "../../core/ports/store.ts";
import type { Clock } from "../../util/clock.ts";
import type { EtcdClient } from "./client.ts";
import { defaultPrefix, etcdKeys } from "./keys.ts";
import { EtcdRecordStore, type LeadershipToken } from "./record-store.ts";
import { EtcdRouterLeases } from "./router-leases.ts";

export interface EtcdStoreOptions {
  readonly client: EtcdClient;
  readonly clock: Clock;
  /** Begins and ends with a slash; default `/es-failover/`. Installations with prefixes of their own share a cluster. */
  readonly prefix?: string;
  /** Lease of a router. Shorter than 1.5 times etcd's election timeout, the lease outlives what the router counts on. */
  readonly leaseTtlMs: number;
  /** Default 1000 entries; up to a tenth more until they are trimmed. */
  readonly historyLimit?: number;
  /**
   * Fences record writes: each is bound to the token that it returns, and is a "conflict" when there is none or when
   * etcd no longer knows it. Left out, any watchdog may write (compare-and-swap still holds): for operators' commands.
   */
  readonly fence?: () => LeadershipToken | null;
}

/** The store for many watchdogs: one etcd cluster over three sites. Calls fail with `EtcdError`. */
export function etcdStore(options: EtcdStoreOptions): Store {
  const { client, clock, leaseTtlMs, prefix = defaultPrefix, historyLimit = 1_000, fence = null } = options;
  const keys = etcdKeys(prefix);
  const records = new EtcdRecordStore({ client, keys, historyLimit, fence });
  const routers = new EtcdRouterLeases({ client, keys, clock, leaseTtlMs });
  return {
    read: () => records.read(),
    write: (record, expected, entry) => records.write(record, expected, entry),
    history: (limit) => records.history(limit),
    renewRouterLease: (router) => routers.renew(router),
    acknowledge: (router, epoch) => routers.acknowledge(router, epoch),
    routerLeases: () => routers.list(),
  };
}
