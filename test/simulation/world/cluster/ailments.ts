import type { CanaryCause } from "../../../../watchdog/config/canary.ts";

/** How an unfollow behaves while the leader is gone. Each was observed with Elasticsearch's CCR. */
export type UnfollowMood = "works" | "lease-removal-fails" | "hangs-done" | "hangs-undone";

/** Of each cluster. */
export const NODES = 3;

/** Everything that can be wrong with a cluster, and how it answers meanwhile. */
export interface Ailments {
  down: boolean;
  noMaster: boolean;
  red: boolean;
  /** Whether one of its nodes is away. */
  nodeAway: boolean;
  /** How long an index that was closed or opened lacks its primary. */
  shardsStartMs: number;
  /** Share of probes that are lost. */
  probeLoss: number;
  /** Longest delay of an answer. */
  slowMs: number;
  /** Share of calls that end in a timeout, having taken effect or not. */
  hangs: number;
  unfollow: UnfollowMood;
  licenceLost: boolean;
  /** It refuses the watchdogs' password, and no other. */
  refusesPassword: boolean;
  /** It refuses every write of clients, though its probe is good; null: it takes them. */
  refusesWrites: CanaryCause | null;
  /** It refuses the canaries' user, and no other. */
  refusesCanary: boolean;
  /** Its connection to the other cluster fails, whatever the network does. */
  remoteLost: boolean;
}

export const noAilments = (): Ailments => ({
  down: false,
  noMaster: false,
  red: false,
  nodeAway: false,
  shardsStartMs: 0,
  probeLoss: 0,
  slowMs: 0,
  hangs: 0,
  unfollow: "works",
  licenceLost: false,
  refusesPassword: false,
  refusesWrites: null,
  refusesCanary: false,
  remoteLost: false,
});
