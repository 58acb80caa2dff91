import type { Store } from "../../core/ports/store.ts";
import type { Clock } from "../../util/clock.ts";
import type { EtcdClient } from "./client.ts";
import { defaultPrefix, etcdKeys } from "./keys.ts";
import { EtcdRecordStore, type LeadershipToken } from "./record-store.ts";
import { EtcdRouterLeases } from "./router-leases.ts";
import { memberSpaces } from "./space.ts";

export interface EtcdStoreOptions {
  readonly client: EtcdClient;
  readonly clock: Clock;
  /** Begins and ends with a slash; default `/es-failover/`. Installations with different prefixes may share a cluster. */
  readonly prefix?: string;
  /** Lease of a router, milliseconds. etcd raises it to 1.5 times its election timeout, which the router ignores. */
  readonly leaseTtlMs: number;
  /** Default 1000 entries; up to a tenth more are kept until the next trim. */
  readonly historyLimit?: number;
  /**
   * Fences record writes: each requires the token that it returns, and is a "conflict" without a token or when etcd no
   * longer has it. Without a fence any watchdog may write, by compare-and-swap alone: for operators' commands.
   */
  readonly fence?: () => LeadershipToken | null;
  /** The members' quota; without it the store's space is not watched. */
  readonly quotaBytes?: number;
}

/** The store for many watchdogs: one etcd cluster over three sites. Calls fail with `EtcdError`. */
export function etcdStore(options: EtcdStoreOptions): Store {
  const { client, clock, leaseTtlMs, prefix = defaultPrefix, historyLimit = 1_000, fence = null, quotaBytes } = options;
  const keys = etcdKeys(prefix);
  const records = new EtcdRecordStore({ client, keys, historyLimit, fence });
  const routers = new EtcdRouterLeases({ client, keys, clock, leaseTtlMs });
  return {
    read: () => records.read(),
    readAsController: () => records.readAsController(),
    write: (record, expected, entry) => records.write(record, expected, entry),
    history: (limit) => records.history(limit),
    renewRouterLease: (router) => routers.renew(router),
    acknowledge: (router, epoch) => routers.acknowledge(router, epoch),
    routerLeases: () => routers.list(),
    ...(quotaBytes === undefined ? {} : { space: () => memberSpaces(client, quotaBytes) }),
  };
}
