import { planReplication, type ReplicationChange } from "../../core/plans/replication.ts";
import type { Cluster } from "../../core/ports/cluster.ts";
import { aliasBlockers } from "../../core/rules/preconditions.ts";
import { otherRegion } from "../../core/state/situation.ts";
import { lagOperations } from "../../core/state/sync.ts";
import { messageOf } from "../../util/errors.ts";
import { forEachBounded } from "../../util/loop.ts";
import type { WatchdogContext } from "../context.ts";
import type { ReplicationStatus } from "../status.ts";

/** A change that failed is tried again after this long, then after twice that, up to the limit. */
const RETRY_FIRST_MS = 2_000;
const RETRY_MAX_MS = 120_000;
const REPAIRS_KEPT = 20;
/** Indices that are worked on at once: each new follower is a copy, which the leader feels too. */
const CHANGES_AT_ONCE = 4;

type Repair = ReplicationStatus["repairs"][number];

/** Keeps the standby following the active region: what `planReplication` asks for, change by change. */
export class ReplicationReconciler {
  readonly #context: WatchdogContext;
  readonly #retries = new Map<string, { readonly delayMs: number; readonly notBeforeMonotonicMs: number }>();
  #repairs: readonly Repair[] = [];
  #problems: readonly string[] = [];

  constructor(context: WatchdogContext) {
    this.#context = context;
  }

  report(): ReplicationStatus | null {
    const { standby, activeSnapshot } = this.#context.observed;
    if (standby === null) return null;
    const unjudged = "the active region does not answer, so the two cannot be compared";
    return {
      observedAtMs: standby.observedAtMs,
      inSync: standby.sync?.inSync ?? false,
      reasons: [...(standby.sync?.reasons ?? [unjudged]), ...this.#problems],
      lagOperations: standby.followers.length === 0 ? null : lagOperations(standby.followers),
      readAgeMs: standby.sync?.readAgeMs ?? null,
      followers: standby.followers.length,
      leaderIndices: activeSnapshot?.indices.length ?? null,
      repairs: this.#repairs,
    };
  }

  /** One round; makes nothing while the newest decision does not ask for it. */
  async round(): Promise<void> {
    const { observed, clusters, config } = this.#context;
    const { record, activeSnapshot } = observed;
    if (!this.#isAskedFor() || record?.phase !== "serving" || activeSnapshot?.region !== record.active) return;
    const cluster = clusters[otherRegion(config, record.active)];
    const leader = clusters[record.active];
    if (cluster === undefined || leader === undefined) return;
    // Asked anew: auto-follow changes followers in its own time.
    const [indices, followers, autoFollow, definitions] = await Promise.all([
      cluster.indices(),
      cluster.followers(),
      cluster.autoFollowPatterns(),
      cluster.definitions(config.replication.definitions),
    ]);
    const { changes, problems } = planReplication({
      leader: activeSnapshot,
      standby: { region: cluster.region, indices, followers, autoFollow, definitions },
      patterns: config.replication.patterns,
      exclusions: config.replication.exclusions,
    });
    this.#problems = [...problems, ...aliasBlockers(observed.leaderSight, config.replication)];
    const make = async (change: ReplicationChange) => {
      // Asked before each change: a closing that has begun must not find new followers.
      if (!this.#isAskedFor() || observed.record?.epoch !== record.epoch) return;
      await this.#make(change, cluster, leader);
    };
    // Definitions in their order, then indices, which do not need each other, then the auto-follow pattern.
    for (const change of changes.filter(isDefinition)) await make(change);
    await forEachBounded(changes.filter(isOfOneIndex), CHANGES_AT_ONCE, describeChange, make);
    for (const change of changes.filter((each) => !isDefinition(each) && !isOfOneIndex(each))) await make(change);
  }

  #isAskedFor(): boolean {
    const { observed, actionBlockers } = this.#context;
    const asked = observed.ruling?.actions.some(({ kind }) => kind === "keep-replication") ?? false;
    return asked && actionBlockers().length === 0;
  }

  async #make(change: ReplicationChange, cluster: Cluster, leader: Cluster): Promise<void> {
    const { clock, log } = this.#context;
    const sentence = describeChange(change);
    const retry = this.#retries.get(sentence);
    if (retry !== undefined && clock.monotonicMs() < retry.notBeforeMonotonicMs) return;
    try {
      await makeChange(change, cluster, leader);
      this.#note(sentence, null);
      log.info({ event: "replication", change: change.kind, region: cluster.region }, `${cluster.region}: ${sentence}`);
    } catch (error) {
      this.#note(sentence, messageOf(error));
      log.warn(
        { event: "replication", change: change.kind, region: cluster.region, error: messageOf(error) },
        `${cluster.region}: ${sentence} failed: ${messageOf(error)}`,
      );
    }
    // Also after a success: a cluster that takes a change without showing it must not be asked in every round.
    const delayMs = Math.min(RETRY_MAX_MS, retry === undefined ? RETRY_FIRST_MS : retry.delayMs * 2);
    this.#retries.set(sentence, { delayMs, notBeforeMonotonicMs: clock.monotonicMs() + delayMs });
    this.#forgetOldRetries();
  }

  #note(change: string, error: string | null): void {
    this.#repairs = [{ atMs: this.#context.clock.nowMs(), change, error }, ...this.#repairs].slice(0, REPAIRS_KEPT);
  }

  #forgetOldRetries(): void {
    const now = this.#context.clock.monotonicMs();
    for (const [key, { notBeforeMonotonicMs }] of this.#retries) {
      if (now - notBeforeMonotonicMs > 2 * RETRY_MAX_MS) this.#retries.delete(key);
    }
  }
}

const isDefinition = ({ kind }: ReplicationChange) => kind === "put-definition";
const isOfOneIndex = (change: ReplicationChange) => "index" in change;

function describeChange(change: ReplicationChange): string {
  switch (change.kind) {
    case "put-definition":
      return `put ${change.definition.kind} ${change.definition.name}`;
    case "put-auto-follow":
      return `put auto-follow pattern ${change.pattern.name}`;
    case "resume-auto-follow":
      return `resume auto-follow pattern ${change.name}`;
    case "follow":
      return `follow ${change.index} of ${change.leader}`;
    case "open-follower":
      return `open follower ${change.index}`;
    case "resume-follow":
      return `resume following ${change.index}`;
    case "restart-follow":
      return `restart following ${change.index} (${change.reason})`;
    case "recreate-follow":
      return `follow ${change.index} of ${change.leader} anew (${change.reason})`;
    default:
      throw new Error(`unknown change in ${JSON.stringify(change satisfies never)}`);
  }
}

async function makeChange(change: ReplicationChange, cluster: Cluster, leader: Cluster): Promise<void> {
  switch (change.kind) {
    case "put-definition":
      return cluster.putDefinition(change.definition);
    case "put-auto-follow":
      return cluster.putAutoFollow(change.pattern);
    case "resume-auto-follow":
      return cluster.resumeAutoFollow(change.name);
    case "follow":
      return cluster.follow(change.index, { remoteCluster: change.leader, index: change.index });
    case "open-follower":
      return cluster.openIndices([change.index]);
    case "resume-follow":
      return cluster.resumeFollow(change.index);
    case "restart-follow":
      await cluster.pauseFollow(change.index);
      return cluster.resumeFollow(change.index);
    case "recreate-follow":
      await demandNothingOfItsOwn(change.index, cluster, leader);
      // A follower that goes is followed anew in the next round at the latest, should this be cut off in between.
      await cluster.deleteIndices([change.index]);
      return cluster.follow(change.index, { remoteCluster: change.leader, index: change.index });
    default:
      throw new Error(`unknown change in ${JSON.stringify(change satisfies never)}`);
  }
}

/** A copy is deleted only while it is a follower, and its leader has at least as much. */
async function demandNothingOfItsOwn(index: string, cluster: Cluster, leader: Cluster): Promise<void> {
  const [states, own, led] = await Promise.all([
    cluster.indices(),
    cluster.checkpoints([index]),
    leader.checkpoints([index]),
  ]);
  const state = states.find(({ name }) => name === index);
  if (state === undefined || !state.following) throw new Error(`${index} is not a follower any more`);
  const ahead = own.filter(({ shard, maxSeqNo }) => {
    const source = led.find((candidate) => candidate.shard === shard);
    return source === undefined || source.globalCheckpoint < maxSeqNo;
  });
  if (own.length < state.primaries || ahead.length > 0) {
    throw new Error(`${index} may hold operations that ${leader.region} lacks: kept as it is, a person has to look`);
  }
}
