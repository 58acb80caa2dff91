import type { RegionName } from "../../config/address.ts";
import { waitsToRead } from "../../core/plans/follower-change.ts";
import { planReplication, type ReplicationPlan } from "../../core/plans/replication.ts";
import type { Cluster } from "../../core/ports/cluster.ts";
import { aliasBlockers } from "../../core/rules/preconditions.ts";
import type { IndexState } from "../../core/state/cluster.ts";
import { copyStates } from "../../core/state/complete-copies.ts";
import { dueDeletions } from "../../core/state/deleted-leaders.ts";
import { stateByProbes } from "../../core/state/health.ts";
import type { ActiveSnapshot, StandbySnapshot } from "../../core/state/observations.ts";
import type { ServingRecord } from "../../core/state/record.ts";
import { siteReports } from "../../core/state/sites.ts";
import { servedOf } from "../../core/state/to-join.ts";
import { neverComplete } from "../../core/state/unfinished-copies.ts";
import type { WatchdogContext } from "../context.ts";
import { observationIntervalMs } from "../observation-pace.ts";
import { reportsNow } from "../observations.ts";

interface Regions {
  /** The standby. */
  readonly cluster: Cluster;
  readonly active: ActiveSnapshot;
  readonly record: ServingRecord;
}

interface Planned extends ReplicationPlan {
  /** Of the standby. */
  readonly indices: readonly IndexState[];
  /** The last observation that had begun; null when no newer snapshot of the active region confirms what is seen. */
  readonly sightedAt: number | null;
}

/** Plans what the standby lacks, and remembers what has to be seen again before something is done about it. */
export class ReplicationPlanner {
  readonly #context: WatchdogContext;
  #sightings: ReadonlySet<string> = new Set();
  /** The last observation that had begun when they had been seen. */
  #sightedAt = 0;
  /** What the watchdog cannot repair. */
  problems: readonly string[] = [];

  constructor(context: WatchdogContext) {
    this.#context = context;
  }

  /**
   * By the last snapshot of the standby, while that shows nothing to do, as at rest. Else the standby is read again, because
   * auto-follow creates followers at any time.
   */
  async plan(regions: Regions): Promise<Pick<ReplicationPlan, "changes"> & Pick<Planned, "indices">> {
    const { cluster, active } = regions;
    const known = this.#recentSnapshot(cluster.region);
    const atRest = known === null ? null : await this.#planFrom(known, regions);
    if (atRest?.changes.length === 0) return this.#adopt(atRest, active);
    const [indices, followers] = await Promise.all([cluster.indices(), cluster.followers()]);
    return this.#adopt(await this.#planFrom({ indices, followers }, regions), active);
  }

  #recentSnapshot(region: RegionName): Pick<StandbySnapshot, "indices" | "followers"> | null {
    const { observed, clock } = this.#context;
    const { standby, standbyError } = observed;
    if (standby?.region !== region || standbyError !== null) return null;
    return clock.nowMs() - standby.observedAtMs <= 2 * observationIntervalMs(this.#context) ? standby : null;
  }

  async #planFrom(
    { indices, followers }: Pick<StandbySnapshot, "indices" | "followers">,
    { cluster, active, record }: Regions,
  ): Promise<Planned> {
    const { observed, config, clock } = this.#context;
    const [autoFollow, definitions] = await Promise.all([
      cluster.autoFollowPatterns(),
      cluster.definitions(config.replication.definitions),
    ]);
    // What was seen in the standby has a cause that was there before, such as the mark of a complete index: only a snapshot of
    // the active region that was begun later shows it for certain.
    const isNews = observed.leaderObservation > this.#sightedAt;
    const sightedAt = observed.observationsBegun;
    const own = { indices, followers };
    const checkpoints = await observed.copyCheckpoints.read(cluster, observed.leaderSnapshot, own, clock);
    const copies = copyStates(observed.leaderSnapshot, { ...own, checkpoints });
    // Asking the remote cluster opens the connection again, which the followers' own reads would do up to a minute later.
    const reachesLeader =
      followers.some(waitsToRead) && (await cluster.readiness(active.region, { reconnect: true })).remote.connected;
    const plan = planReplication({
      leader: {
        region: active.region,
        indices: servedOf(observed.record, active.indices),
        definitions: observed.definitions,
        health: stateByProbes(observed.healthOf(active.region)),
        sameCluster: observed.isSameCluster(active.region),
      },
      standby: {
        region: cluster.region,
        indices,
        followers,
        copies,
        autoFollow,
        definitions,
        reachesLeader,
        neverComplete: neverCompleteNow(this.#context, cluster.region, record),
      },
      patterns: config.replication.patterns,
      exclusions: config.replication.exclusions,
      dueDeletions: dueDeletions(record, siteReports(reportsNow(this.#context)), config, clock.nowMs()),
      seenBefore: isNews ? this.#sightings : new Set(),
    });
    return { ...plan, indices, sightedAt: isNews ? sightedAt : null };
  }

  #adopt(planned: Planned, active: ActiveSnapshot): Planned {
    const { observed, config } = this.#context;
    const { sightedAt } = planned;
    // With the same snapshot of the active region the sightings of before go on to wait for a newer one.
    if (sightedAt === null) return planned;
    this.#sightings = planned.sightings;
    this.#sightedAt = sightedAt;
    const served = new Set(servedOf(observed.record, active.indices));
    const unserved = active.indices.filter((index) => !served.has(index)).map(({ name }) => name);
    this.problems = [
      ...planned.problems,
      ...unserved.map((name) => `${name} was left out in ${active.region}: it is followed once it has joined there`),
      ...aliasBlockers(observed.leaderSnapshot, config.replication),
    ];
    return planned;
  }
}

function neverCompleteNow({ observed, config }: WatchdogContext, region: RegionName, record: ServingRecord) {
  const configured = config.regions[region];
  return configured === undefined
    ? new Set<string>()
    : neverComplete(record, observed.healthOf(region).lastProbe, configured);
}
