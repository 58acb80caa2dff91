import { systemClock } from "../adapters/clock.ts";
import { EtcdClient } from "../adapters/etcd/client.ts";
import { EtcdCoordination } from "../adapters/etcd/coordination.ts";
import { etcdStore } from "../adapters/etcd/store.ts";
import { createFileStore } from "../adapters/file-store/store.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import { soleCoordination } from "../controller/sole-coordination.ts";
import type { Coordination } from "../core/ports/coordination.ts";
import type { Store } from "../core/ports/store.ts";
import { reasonOf } from "../util/files.ts";
import type { Logger } from "../util/logger.ts";
import { type Renewals, readOnce } from "./renewals.ts";
import { credentialsSource, mutualTlsSource } from "./sources.ts";

/** The configured store, with the coordination through it. */
export interface StoreConnection {
  /** Accepts records only while this watchdog is the controller. */
  readonly store: Store;
  /** Accepts records from any watchdog, by compare-and-swap: for operators' commands. */
  readonly operatorStore: Store;
  readonly coordination: Coordination;
  /** The client itself, for the keys beside the record; null with a file store. */
  readonly etcd: { readonly client: EtcdClient; readonly prefix: string } | null;
  close(): void;
}

/**
 * Connects to the store. With etcd it sends nothing yet, but reads the configured files.
 *
 * @param renewals reads them again when they change; default: they are read once
 *
 * @throws Error when one of them cannot be read
 */
export async function connectStore(
  config: WatchdogConfig,
  log: Pick<Logger, "warn">,
  renewals: Pick<Renewals, "add"> = readOnce,
): Promise<StoreConnection> {
  const { store } = config;
  switch (store.kind) {
    case "file": {
      const fileStore = createFileStore({
        directory: store.directory,
        clock: systemClock,
        leaseTtlMs: config.leases.ttlMs,
        routers: [config.name],
        historyFailed: (error) => log.warn({ event: "history", error: reasonOf(error) }, "cannot write the history"),
      });
      const coordination = soleCoordination(systemClock);
      return { store: fileStore, operatorStore: fileStore, coordination, etcd: null, close: () => {} };
    }
    case "etcd":
      return connectEtcd(config, store, renewals);
    default:
      throw new Error(`unknown store in ${JSON.stringify(store satisfies never)}`);
  }
}

async function connectEtcd(
  { name, leases }: WatchdogConfig,
  store: Extract<WatchdogConfig["store"], { kind: "etcd" }>,
  renewals: Pick<Renewals, "add">,
): Promise<StoreConnection> {
  const { prefix, endpoints, hedgeAfterMs, deadlineMs, quotaBytes } = store;
  const client = new EtcdClient({
    endpoints,
    tls: await renewals.add(mutualTlsSource("store", store)),
    credentials: await renewals.add(credentialsSource("store", store)),
    hedgeAfterMs,
    deadlineMs,
    clock: systemClock,
  });
  const shared = { client, clock: systemClock, prefix, leaseTtlMs: leases.ttlMs };
  const coordination = new EtcdCoordination({ ...shared, watchdog: name });
  return {
    store: etcdStore({ ...shared, quotaBytes, fence: () => coordination.leadershipToken() }),
    operatorStore: etcdStore(shared),
    coordination,
    etcd: { client, prefix },
    close: () => client.close(),
  };
}

/** Connects to the store without a running watchdog, reads it and disconnects. */
export async function readStore<T>(config: WatchdogConfig, read: (store: Store) => Promise<T>): Promise<T> {
  const connection = await connectStore(config, { warn: () => {} });
  try {
    return await read(connection.operatorStore);
  } finally {
    connection.close();
  }
}
