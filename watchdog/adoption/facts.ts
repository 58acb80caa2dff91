import type { RegionName } from "../config/address.ts";
import type { AutoFollowPattern, ClusterLicence, Definition, IndexState } from "../core/state/cluster.ts";

/** A cluster as `es-failover init` finds it, by the names that it has itself: nothing in it is translated to regions. */
export interface ClusterFacts {
  readonly region: RegionName;
  readonly clusterUuid: string;
  /** Of the oldest node, and of the newest. */
  readonly versions: { readonly lowest: string; readonly highest: string };
  readonly licence: ClusterLicence;
  /** Whether the administrator may create roles and users, and change settings. */
  readonly maySetUp: boolean;
  /** Where other clusters reach its nodes: `host:port` of the transport layer, or of the server for remote clusters. */
  readonly transportAddresses: readonly string[];
  readonly remotes: readonly RemoteFact[];
  /** All of them, of whatever cluster. */
  readonly followers: readonly FollowerFact[];
  /** `remoteCluster` is an alias. */
  readonly autoFollow: readonly AutoFollowPattern[];
  /** The managed ones. */
  readonly indices: readonly IndexState[];
  /** Of the kinds that are copied. */
  readonly definitions: readonly Definition[];
  /** Bytes of the primaries of the managed indices. */
  readonly managedBytes: number;
  /** The roles of the watchdog's and the health check's users, as they are there; null for one that is not. */
  readonly roles: Readonly<Record<string, unknown>>;
  /** What the cluster answers to the credentials that the watchdog and the health check are to have. */
  readonly logins: Readonly<Record<LoginKey, Login>>;
}

export type LoginKey = "watchdog" | "haproxyCheck";

export interface RemoteFact {
  readonly alias: string;
  readonly connected: boolean;
  /** null: the cluster does not tell. */
  readonly clusterUuid: string | null;
}

export interface FollowerFact {
  readonly index: string;
  readonly leaderIndex: string;
  readonly alias: string;
  readonly paused: boolean;
}

/**
 * `absent`: there is no such user; `refused`: there is one, and it does not have this secret, or there is none to try;
 * `unused`: nothing is to log in.
 */
export type Login =
  | { readonly kind: "accepted"; readonly user: string; readonly roles: readonly string[]; readonly realm: string }
  | { readonly kind: "absent" | "refused" | "unused"; readonly user: string };
