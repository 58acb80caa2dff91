import type { Revision } from "./wire.ts";

/** The keys of one installation in etcd. Its user needs read and write on the prefix, and nothing else. */
export interface EtcdKeys {
  /** The one state document. */
  readonly record: string;
  /** Its history, one key per write, in order of writing. */
  readonly history: string;
  readonly routers: string;
  /** Held by the controller. */
  readonly controller: string;
  readonly reports: string;
  /** Every registered watchdog; outlives leases. */
  readonly watchdogs: string;
  /** Messages that the watchdogs send together. */
  readonly notifications: string;
}

export const defaultPrefix = "/es-failover/";

export function etcdKeys(prefix: string = defaultPrefix): EtcdKeys {
  if (!/^\/.*\/$/.test(prefix)) throw new Error(`etcd: the prefix must begin and end with a slash, not "${prefix}"`);
  return {
    record: `${prefix}record`,
    history: `${prefix}history/`,
    routers: `${prefix}routers/`,
    controller: `${prefix}decider`,
    reports: `${prefix}sightings/`,
    watchdogs: `${prefix}watchdogs/`,
    notifications: `${prefix}notifications`,
  };
}

/**
 * The history key of the write that replaces this revision of the record (null creates it). At most one write replaces a
 * revision, so the key identifies it; padding makes the keys sort in the order of the writes.
 */
export function historyKey(keys: EtcdKeys, replaced: Revision | null): string {
  return `${keys.history}${(replaced ?? "0").padStart(19, "0")}`;
}
