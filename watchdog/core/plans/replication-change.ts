import type { RegionName } from "../../config/address.ts";
import type { AutoFollowPattern, Definition, Follower, IndexId, IndexState } from "../state/cluster.ts";
import type { CopyState } from "../state/complete-copies.ts";
import type { HealthState } from "../state/health.ts";

/** Why a follower is deleted and follows again. */
export type RecreationCause =
  /** The leader no longer has the operations that the follower needs next. */
  | "history-lost"
  /** Its first copy has failed for good. */
  | "copy-failed"
  /** A restart of the whole standby has ended its first copy. */
  | "copy-ended"
  /** Another index of the same name has taken the leader's place. */
  | "leader-recreated";

/** One change that the standby needs to follow the active region. */
export type ReplicationChange =
  | { readonly kind: "put-definition"; readonly definition: Definition }
  | { readonly kind: "put-auto-follow"; readonly pattern: Omit<AutoFollowPattern, "active" | "followerNames"> }
  | { readonly kind: "pause-auto-follow"; readonly name: string }
  | { readonly kind: "resume-auto-follow"; readonly name: string }
  | { readonly kind: "follow"; readonly index: string; readonly leader: RegionName }
  | { readonly kind: "open-follower"; readonly index: string }
  /** A block of the leader comes along when it is followed, and stays when the leader's is lifted. */
  | { readonly kind: "lift-follower-block"; readonly index: string }
  | { readonly kind: "resume-follow"; readonly index: string }
  /** Pause, then resume: clears a fatal error (elasticsearch #92522), and ends the wait until the next read. */
  | { readonly kind: "restart-follow"; readonly index: string; readonly reason: string }
  /** Its leader was deleted, and the time is over for which the follower is kept. */
  | { readonly kind: "delete-follower"; readonly follower: IndexId; readonly leader: RegionName }
  /** Delete and follow again. */
  | {
      readonly kind: "recreate-follow";
      readonly follower: IndexId;
      readonly leader: { readonly region: RegionName; readonly uuid: string };
      readonly cause: RecreationCause;
      readonly reason: string;
    };

export interface ReplicationSnapshot {
  readonly leader: {
    readonly region: RegionName;
    readonly indices: readonly IndexState[];
    readonly definitions: readonly Definition[];
    /** By its probes alone: see `stateByProbes`. */
    readonly health: HealthState;
    /** Whether it is the cluster that this watchdog saw there first: one that was built again may have lost everything. */
    readonly sameCluster: boolean;
  };
  readonly standby: {
    readonly region: RegionName;
    readonly indices: readonly IndexState[];
    readonly followers: readonly Follower[];
    readonly copies: ReadonlyMap<string, CopyState>;
    readonly autoFollow: readonly AutoFollowPattern[];
    readonly definitions: readonly Definition[];
    /** Whether its cluster is connected to the leader's; false also where no question needed it. */
    readonly reachesLeader: boolean;
    /** UUIDs of followers that were never complete while all nodes are there: see `neverComplete`. */
    readonly neverComplete: ReadonlySet<string>;
  };
  readonly patterns: readonly string[];
  readonly exclusions: readonly string[];
  /** UUIDs of followers whose leaders were deleted, to be deleted now. */
  readonly dueDeletions: ReadonlySet<string>;
  /** The sightings of the round before. */
  readonly seenBefore: ReadonlySet<string>;
}
