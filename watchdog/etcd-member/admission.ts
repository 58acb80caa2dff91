import type { EtcdMember } from "../adapters/etcd/wire.ts";

/**
 * Decides how a host's member of etcd joins, before each start, until the member has been a voter of a working cluster.
 * Pure.
 *
 * It guards against a member that returns without its data under its old identity. Raft would count the entries that the
 * old one acknowledged, so that two such members, or one and a lagging member, could elect a leader without committed
 * entries. So a member without data enters an existing cluster only as a new member that the others' majority has
 * admitted. While no other member answers, it starts as a founder only with all others, each of which is the first host in
 * its place as far as provisioning knows: a stack whose state was lost takes a rebuilt host for the first one.
 */

/** The host's own member. */
export interface LocalMember {
  readonly peerUrl: string;
  /** The data directory is not empty. */
  readonly hasData: boolean;
  /** The data has belonged to a voter of a working cluster: nothing is left to decide. */
  readonly joined: boolean;
  readonly founding: Founding;
}

/**
 * Whether this host may found a cluster with the other planned members. refused: it replaces an earlier host; with-all: it
 * replaces none, as far as provisioning knows; confirmed: an operator knows that every member is lost for good.
 */
export type Founding = "refused" | "with-all" | "confirmed";

/** The cluster as the other planned members report it. */
export type ObservedCluster =
  /** None of them answers; `noFounders`: those that have not said either that they may found a cluster. */
  | { readonly kind: "silent"; readonly noFounders: readonly string[] }
  /** A cluster exists, but a majority of it is missing. */
  | { readonly kind: "no-quorum"; readonly reason: string }
  | { readonly kind: "cluster"; readonly members: readonly EtcdMember[] };

export type Admission =
  | { readonly kind: "start"; readonly clusterState: "new" | "existing"; readonly why: string }
  /** Move the data aside: it belongs to no known cluster. */
  | { readonly kind: "discard-data"; readonly why: string }
  | { readonly kind: "remove-member"; readonly id: string; readonly why: string }
  | { readonly kind: "add-learner"; readonly why: string }
  | { readonly kind: "wait"; readonly why: string };

export function decideAdmission(local: LocalMember, view: ObservedCluster): Admission {
  if (local.joined && local.hasData) {
    return { kind: "start", clusterState: "existing", why: "this member has its data and is a member of the cluster" };
  }
  switch (view.kind) {
    case "silent":
      return withoutAnswer(local, view.noFounders);
    case "no-quorum":
      return { kind: "wait", why: `the cluster has no majority to admit this member: ${view.reason}` };
    case "cluster":
      return inCluster(local, view.members);
    default:
      return view satisfies never;
  }
}

function withoutAnswer({ hasData, founding }: LocalMember, noFounders: readonly string[]): Admission {
  if (hasData) {
    return { kind: "start", clusterState: "new", why: "no other member answers yet; this one continues with its data" };
  }
  switch (founding) {
    case "confirmed":
      return { kind: "start", clusterState: "new", why: "an operator confirmed that no cluster exists any more" };
    case "with-all":
      return noFounders.length === 0
        ? { kind: "start", clusterState: "new", why: "no cluster exists yet; this member founds it with all others" }
        : waits(
            `a cluster is founded by all planned members together, and ${noFounders.join(" and ")} cannot be reached`,
          );
    case "refused":
      return waits("no other member answers, and this host replaces an earlier one whose cluster may still exist");
    default:
      return founding satisfies never;
  }
}

function waits(why: string): Admission {
  const way = "If every member is lost for good, confirm a new cluster: see `es-failover etcd prepare --help`";
  return { kind: "wait", why: `${why}. ${way}` };
}

function inCluster(local: LocalMember, members: readonly EtcdMember[]): Admission {
  const own = members.find(({ peerURLs }) => peerURLs.includes(local.peerUrl));
  if (own === undefined) {
    if (local.hasData) {
      return {
        kind: "discard-data",
        why: "the cluster has no member at this address, so the data belongs to another one",
      };
    }
    return { kind: "add-learner", why: "the cluster has no member at this address" };
  }
  // A member publishes its client addresses at its first start.
  const everStarted = own.clientURLs.length > 0;
  if (!everStarted) {
    if (own.isLearner)
      return { kind: "start", clusterState: "existing", why: "the cluster expects this member as a learner" };
    return { kind: "start", clusterState: "new", why: "the other founders have started; the cluster expects this one" };
  }
  if (own.isLearner && local.hasData) {
    return { kind: "start", clusterState: "existing", why: "this learner continues to catch up" };
  }
  const lost = local.hasData ? "has data that no working cluster has confirmed" : "has lost its data";
  return {
    kind: "remove-member",
    id: own.id,
    why: `member ${own.id} at this address ${lost}: it rejoins as a new one`,
  };
}
