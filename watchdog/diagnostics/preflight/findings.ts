import type { RegionName } from "../../config/address.ts";
import type { ClusterReadiness } from "../../core/state/cluster.ts";
import type { SnapshotState } from "../../core/state/snapshots.ts";
import type { MemberSpace } from "../../core/state/store-space.ts";
import { messageOf } from "../../util/errors.ts";
import type { NodeClock, ShardLease, Storage } from "./survey.ts";

/** A value, or why it could not be read. */
export type Finding<T> = { readonly value: T } | { readonly error: string };

/** What was found, or why it could not be read. Never rejects. */
export async function finding<T>(answer: Promise<T>): Promise<Finding<T>> {
  try {
    return { value: await answer };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

export interface RegionFindings {
  readonly readiness: Finding<ClusterReadiness>;
  readonly versions: Finding<readonly { readonly node: string; readonly version: string }[]>;
  readonly storage: Finding<Storage>;
  readonly retention: Finding<readonly { readonly index: string; readonly periodMs: number }[]>;
  readonly leases: Finding<readonly ShardLease[]>;
  /** null where none are configured. */
  readonly snapshots: Finding<SnapshotState> | null;
  readonly clocks: Finding<readonly NodeClock[]>;
  readonly roundTripMs: Finding<number>;
}

/** A member of etcd. */
export interface StoreMember {
  readonly endpoint: string;
  /** null when the member is healthy. */
  readonly problem: string | null;
  /** What it holds; null when it does not answer. */
  readonly space: MemberSpace | null;
  /** It has reached its quota and takes no write. */
  readonly full: boolean;
}

export interface PreflightFindings {
  /** Wall clock of the host that asks. */
  readonly nowMs: number;
  readonly regions: Readonly<Record<RegionName, RegionFindings>>;
  /** null when no state document names an active region. */
  readonly active: RegionName | null;
  /** Leader indices of the standby's followers, as last seen. */
  readonly followed: readonly string[];
  /** null with a file store. */
  readonly storeMembers: readonly StoreMember[] | null;
  /** Sites with a watchdog that reports; null when no watchdog runs on this host to ask. */
  readonly sites: readonly string[] | null;
  /** A sentence for each timing rule that the configuration breaks. */
  readonly timingViolations: readonly string[];
  /** Length of an outage to survive without a full copy afterwards. */
  readonly outageMs: number;
}
