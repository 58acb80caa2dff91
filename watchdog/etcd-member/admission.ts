import type { EtcdMember } from "../adapters/etcd/wire.ts";

/**
 * How a host's member of etcd comes to take part: a pure decision, made before each start until the member has once been
 * seen as a voter of a working cluster.
 *
 * What it guards against: a member that comes back without its data but under its old identity. Raft takes it for the
 * one that has acknowledged entries, and two such members, or one and a member that lags, could elect a leader that lacks
 * what was committed. So a member without data of its own never enters a cluster that exists except as a new member,
 * which the others' majority has agreed to; and without an answer from any of them only a host that is the first one of
 * its kind may start as a founder.
 */

/** What the host knows of its own member. */
export interface LocalMember {
  readonly peerUrl: string;
  /** There is a data directory with something in it. */
  readonly hasData: boolean;
  /** The data was once seen as a voter's of a working cluster: nothing is left to decide. */
  readonly joined: boolean;
  /** This host may found a cluster together with the other planned members: no earlier one has stood in its place. */
  readonly mayForm: boolean;
}

/** What the other planned members say. */
export type ClusterView =
  /** None of them answers. */
  | { readonly kind: "silent" }
  /** A cluster exists, but a majority of it is missing. */
  | { readonly kind: "no-quorum"; readonly reason: string }
  | { readonly kind: "cluster"; readonly members: readonly EtcdMember[] };

export type Admission =
  | { readonly kind: "start"; readonly clusterState: "new" | "existing"; readonly why: string }
  /** Put the data away: it is of no cluster that is known. */
  | { readonly kind: "discard-data"; readonly why: string }
  | { readonly kind: "remove-member"; readonly id: string; readonly why: string }
  | { readonly kind: "add-learner"; readonly why: string }
  | { readonly kind: "wait"; readonly why: string };

export function decideAdmission(local: LocalMember, view: ClusterView): Admission {
  if (local.joined && local.hasData) {
    return { kind: "start", clusterState: "existing", why: "this member has its data and its place in the cluster" };
  }
  switch (view.kind) {
    case "silent":
      return whenSilent(local);
    case "no-quorum":
      return { kind: "wait", why: `the cluster has no majority that could admit this member: ${view.reason}` };
    case "cluster":
      return inCluster(local, view.members);
    default:
      return view satisfies never;
  }
}

function whenSilent({ hasData, mayForm }: LocalMember): Admission {
  if (hasData) {
    return { kind: "start", clusterState: "new", why: "no other member answers yet; this one goes on with its data" };
  }
  if (mayForm) {
    return { kind: "start", clusterState: "new", why: "no cluster exists yet; this member founds it with the others" };
  }
  return {
    kind: "wait",
    why:
      "no other member answers, and this host takes the place of an earlier one whose cluster may exist still. " +
      "Should every member be lost for good, allow a new cluster: see `es-failover etcd prepare --help`",
  };
}

function inCluster(local: LocalMember, members: readonly EtcdMember[]): Admission {
  const own = members.find(({ peerURLs }) => peerURLs.includes(local.peerUrl));
  if (own === undefined) {
    if (local.hasData) {
      return {
        kind: "discard-data",
        why: "the cluster has no member at this address, so the data here is of another one",
      };
    }
    return { kind: "add-learner", why: "the cluster has no member at this address" };
  }
  // A member tells its client addresses when it has started for the first time.
  const everStarted = own.clientURLs.length > 0;
  if (!everStarted) {
    if (own.isLearner)
      return { kind: "start", clusterState: "existing", why: "the cluster awaits this member as a learner" };
    return { kind: "start", clusterState: "new", why: "the other founders have begun; the cluster awaits this one" };
  }
  if (own.isLearner && local.hasData) {
    return { kind: "start", clusterState: "existing", why: "this learner goes on catching up" };
  }
  const lost = local.hasData ? "holds data that no working cluster has confirmed" : "has lost its data";
  return {
    kind: "remove-member",
    id: own.id,
    why: `member ${own.id} at this address ${lost}: it comes back as a new one`,
  };
}
