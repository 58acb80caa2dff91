import type { RegionName } from "../../../../watchdog/config/address.ts";
import type { Cluster } from "../../../../watchdog/core/ports/cluster.ts";
import type { ClusterProbe } from "../../../../watchdog/core/state/cluster.ts";
import { serve } from "../outcome.ts";
import * as administration from "./administration.ts";
import * as answers from "./answers.ts";
import type { SimCluster } from "./cluster.ts";
import { startFollowing } from "./replication.ts";

export interface ClusterLimits {
  readonly requestTimeoutMs: number;
  readonly probeTimeoutMs: number;
  readonly unfollowTimeoutMs: number;
}

export interface PortOptions {
  readonly cluster: SimCluster;
  readonly limits: ClusterLimits;
  readonly clusterOf: (region: RegionName) => SimCluster;
}

/** The cluster as its own site calls it, with the delays, timeouts and refusals of its ailments. */
export function clusterPort(options: PortOptions): Cluster {
  const { cluster, clusterOf } = options;
  const { world, ailments } = cluster;
  const ask = <T>(answer: () => T) => call(options, answer);
  const change = (what: string, indices: readonly string[], make: () => void) =>
    ask(() => {
      cluster.changing.emit({ what, indices });
      make();
    });
  const licensed = () => {
    if (ailments.licenceLost) throw cluster.error("unlicensed", "current license is non-compliant for [ccr]", 403);
  };
  return {
    region: cluster.region,
    probe: () => probe(options),
    readiness: () =>
      ask(() => ({
        licence: { type: "trial", active: !ailments.licenceLost, allowsCcr: !ailments.licenceLost, expiresAtMs: null },
        version: cluster.version,
        remote: { configured: true, connected: cluster.reachesRemote(), keyed: false },
        nodesLowOnDisk: cluster.isLowOnDisk ? ["node-1"] : [],
        readOnly: false,
        snapshotting: [...cluster.indices.values()]
          .filter(({ snapshotUntilMs }) => snapshotUntilMs > world.nowMs)
          .map(({ name }) => name),
        allocatesPrimaries: true,
      })),
    snapshots: () => ask(() => ({ hasPolicy: false, lastSuccessAtMs: null, failure: null })),
    indices: () => ask(() => answers.indexStates(cluster)),
    unmatchedIndices: () => ask(() => []),
    checkpoints: (names) =>
      ask(() => {
        licensed();
        return answers.checkpointsOf(cluster, names);
      }),
    followers: () =>
      ask(() => {
        const followers = answers.followers(cluster);
        return ailments.licenceLost ? followers.map((follower) => ({ ...follower, shards: [] })) : followers;
      }),
    autoFollowPatterns: () =>
      ask(() => [...cluster.autoFollowPatterns.values()].map(({ sinceMs: _, ...pattern }) => pattern)),
    putAutoFollow: (pattern) =>
      change("put auto-follow", [], () => {
        licensed();
        assertReached(cluster, clusterOf(pattern.remoteCluster));
        cluster.autoFollowPatterns.set(pattern.name, { ...pattern, active: true, sinceMs: world.nowMs });
      }),
    pauseAutoFollow: (name) =>
      change("pause auto-follow", [], () => administration.setAutoFollowActive(cluster, name, false)),
    resumeAutoFollow: (name) =>
      change("resume auto-follow", [], () => administration.setAutoFollowActive(cluster, name, true)),
    deleteAutoFollow: (name) => change("delete auto-follow", [], () => void cluster.autoFollowPatterns.delete(name)),
    clusterName: () => ask(() => cluster.region),
    forgetFollower: () => ask(() => undefined),
    follow: (name, { remoteCluster }) =>
      change("follow", [name], () => {
        licensed();
        const leader = clusterOf(remoteCluster);
        assertReached(cluster, leader);
        startFollowing(cluster, name, leader);
      }),
    pauseFollow: (name) => change("pause follow", [name], () => administration.pauseFollow(cluster, name)),
    resumeFollow: (name) =>
      change("resume follow", [name], () => {
        licensed();
        const leader = leaderOf(options, name);
        assertReached(cluster, leader);
        administration.resumeFollow(cluster, name, leader);
      }),
    unfollow: (name) => unfollow(options, name),
    closeIndices: (names) => change("close", names, () => administration.setOpen(cluster, names, false)),
    openIndices: (names) => change("open", names, () => administration.setOpen(cluster, names, true)),
    setWriteBlock: (names, blocked) =>
      change(blocked ? "write block" : "lift write block", names, () =>
        administration.setWriteBlock(cluster, names, blocked),
      ),
    // No data stream is simulated.
    blockBackingIndices: (names) => ask(() => administration.setWriteBlock(cluster, names, true)),
    liftFollowerBlocks: (names) =>
      change("lift the blocks of followers", names, () => administration.liftFollowerBlocks(cluster, names)),
    uuids: (names) => ask(() => answers.uuidsOf(cluster, names)),
    deleteIndices: (names) => ask(() => administration.deleteIndices(cluster, names)),
    resumeIndexing: (name) =>
      change("resume indexing", [name], () => {
        cluster.existing(name).indexingComplete = false;
      }),
    setWriteIndex: (alias, name) =>
      change("set write index", [name], () => administration.setWriteIndex(cluster, alias, name)),
    dataStreams: () => ask(() => []),
    promoteDataStream: () => ask(() => {}),
    rolloverDataStream: () => ask(() => {}),
    deleteDataStream: () => ask(() => {}),
    probeWrite: (name) => change("probe write", [name], () => administration.probeWrite(cluster, name)),
    definitions: () => ask(() => []),
    putDefinition: () => ask(() => {}),
  };
}

function call<T>({ cluster, limits }: PortOptions, answer: () => T): Promise<T> {
  const { random } = cluster.world;
  const { slowMs, hangs } = cluster.ailments;
  const { requestTimeoutMs } = limits;
  const timeout = () => cluster.error("timeout", "no answer in time", null);
  if (random.chance(hangs)) {
    // A caller cannot know whether a call without an answer took effect.
    const takesEffect = random.chance(0.5);
    return serve(cluster.world, { effectMs: random.between(0, requestTimeoutMs - 1), answerMs: 1 }, () => {
      if (takesEffect && cluster.isUp()) answer();
      throw timeout();
    });
  }
  const delayMs = slowMs > 0 ? random.between(0, slowMs) : random.chance(0.2) ? random.between(1, 200) : 0;
  if (delayMs > requestTimeoutMs) {
    return serve(cluster.world, { effectMs: requestTimeoutMs, answerMs: 0 }, () => {
      throw timeout();
    });
  }
  return serve(cluster.world, { effectMs: delayMs >> 1, answerMs: delayMs - (delayMs >> 1) }, () => {
    if (!cluster.isUp()) throw cluster.error("unreachable", "connection refused", null);
    if (cluster.ailments.refusesPassword) throw cluster.error("unauthorized", "unable to authenticate user", 401);
    if (cluster.ailments.noMaster) throw cluster.error("rejected", "no elected master", 503);
    return answer();
  });
}

function probe({ cluster, limits }: PortOptions): Promise<ClusterProbe> {
  const { random } = cluster.world;
  const { probeLoss, slowMs } = cluster.ailments;
  const delayMs = slowMs > 0 ? random.between(0, slowMs) : random.chance(0.2) ? random.between(1, 100) : 0;
  if (!cluster.isUp())
    return serve(cluster.world, { effectMs: 0, answerMs: 0 }, () => answers.unreachable("connection refused"));
  if (delayMs > limits.probeTimeoutMs || random.chance(probeLoss)) {
    return serve(cluster.world, { effectMs: 0, answerMs: limits.probeTimeoutMs }, () => ({
      reachable: false,
      kind: "timeout",
      error: "no answer in time",
    }));
  }
  return serve(cluster.world, { effectMs: delayMs, answerMs: 0 }, () => answers.probeAnswer(cluster));
}

/** The leader of a follower, or its own cluster for an index that follows none: every call about that is refused. */
const leaderOf = ({ cluster, clusterOf }: PortOptions, name: string): SimCluster =>
  clusterOf(cluster.indices.get(name)?.following?.remote ?? cluster.region);

function assertReached(cluster: SimCluster, leader: SimCluster): void {
  if (cluster.reachesRemote() && leader.isUp()) return;
  const state = `the license state of the remote cluster [${leader.region}] could not be determined`;
  throw cluster.error("unreachable", state, 400);
}

function unfollow(options: PortOptions, name: string): Promise<void> {
  const { cluster, limits } = options;
  const leader = leaderOf(options, name);
  const leaderIsGone = !leader.isUp() || !cluster.reachesRemote();
  const mood = leaderIsGone ? cluster.ailments.unfollow : "works";
  const make = () => {
    cluster.changing.emit({ what: "unfollow", indices: [name] });
    return administration.unfollow(cluster, name, leader);
  };
  const leasesStay = () => cluster.error("rejected", "es.failed_to_remove_retention_leases", 500);
  switch (mood) {
    case "works":
      return call(options, () => {
        if (!make()) throw leasesStay();
      });
    case "lease-removal-fails":
      return call(options, () => {
        make();
        throw leasesStay();
      });
    case "hangs-done":
    case "hangs-undone":
      return serve(cluster.world, { effectMs: 10, answerMs: limits.unfollowTimeoutMs }, () => {
        if (mood === "hangs-done" && cluster.isWell()) make();
        throw cluster.error("timeout", "no answer in time", null);
      });
    default:
      throw new Error(`unknown mood ${mood satisfies never}`);
  }
}
