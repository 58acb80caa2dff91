import { planReplication, type ReplicationChange, type ReplicationSnapshot } from "../../core/plans/replication.ts";
import type { Cluster } from "../../core/ports/cluster.ts";
import { aliasBlockers } from "../../core/rules/preconditions.ts";
import type { ServingRecord, StateRecord } from "../../core/state/record.ts";
import { otherRegion } from "../../core/state/situation.ts";
import { lagOperations } from "../../core/state/sync.ts";
import { forEachBounded } from "../../util/concurrency.ts";
import { messageOf } from "../../util/errors.ts";
import { confirmController } from "../confirm.ts";
import type { WatchdogContext } from "../context.ts";
import type { ReplicationStatus } from "../status.ts";
import { type ChangeContext, describeChange, makeChange } from "./replication-change.ts";

/** Delay before a change is repeated, doubled each time up to the limit. */
const RETRY_FIRST_MS = 2_000;
const RETRY_MAX_MS = 120_000;
const REPAIRS_KEPT = 20;
/** Indices changed at once: each new follower copies its leader, which loads both regions. */
const CHANGES_AT_ONCE = 4;

type Repair = ReplicationStatus["repairs"][number];

/** Reconciles the standby with the active region, by the changes that `planReplication` lists. */
export class ReplicationReconciler {
  readonly #context: WatchdogContext;
  readonly #retries = new Map<string, { readonly delayMs: number; readonly notBeforeMonotonicMs: number }>();
  #repairs: readonly Repair[] = [];
  #problems: readonly string[] = [];

  constructor(context: WatchdogContext) {
    this.#context = context;
  }

  report(): ReplicationStatus | null {
    const { standby, active } = this.#context.observed;
    if (standby === null) return null;
    const unjudged = "the active region does not answer, so the two cannot be compared";
    return {
      observedAtMs: standby.observedAtMs,
      inSync: standby.sync?.inSync ?? false,
      reasons: [...(standby.sync?.reasons ?? [unjudged]), ...this.#problems],
      lagOperations: standby.followers.length === 0 ? null : lagOperations(standby.followers),
      readAgeMs: standby.sync?.readAgeMs ?? null,
      followers: standby.followers.length,
      leaderIndices: active?.indices.length ?? null,
      repairs: this.#repairs,
    };
  }

  /** One round. Does nothing while the latest ruling does not ask for replication. */
  async round(): Promise<void> {
    const { observed, clusters, config } = this.#context;
    const { record, active, definitions } = observed;
    if (!this.#isRuled() || record?.phase !== "serving" || active?.region !== record.active) return;
    const cluster = clusters[otherRegion(config, record.active)];
    const leader = clusters[record.active];
    if (cluster === undefined || leader === undefined) return;
    const changes = await this.#plan(cluster, { ...active, definitions });
    const confirm = () => confirmController(this.#context, (now) => isStandbyOf(record, now));
    const make = async (change: ReplicationChange) => {
      // Checked before each change: once a closing has begun, no follower may be added.
      if (!this.#isRuled() || observed.record?.epoch !== record.epoch) return;
      await this.#make(change, { cluster, leader, confirm });
    };
    // Definitions in their order, then indices, which do not depend on each other, then the auto-follow pattern.
    for (const change of changes.filter(isDefinition)) await make(change);
    await forEachBounded(changes.filter(isOfOneIndex), CHANGES_AT_ONCE, describeChange, make);
    for (const change of changes.filter((each) => !isDefinition(each) && !isOfOneIndex(each))) await make(change);
  }

  /** Reads the standby itself rather than its snapshot, because auto-follow creates followers at any time. */
  async #plan(cluster: Cluster, leader: ReplicationSnapshot["leader"]): Promise<readonly ReplicationChange[]> {
    const { observed, config } = this.#context;
    const [indices, followers, autoFollow, definitions] = await Promise.all([
      cluster.indices(),
      cluster.followers(),
      cluster.autoFollowPatterns(),
      cluster.definitions(config.replication.definitions),
    ]);
    const { changes, problems } = planReplication({
      leader,
      standby: { region: cluster.region, indices, followers, autoFollow, definitions },
      patterns: config.replication.patterns,
      exclusions: config.replication.exclusions,
    });
    this.#problems = [...problems, ...aliasBlockers(observed.leaderSnapshot, config.replication)];
    return changes;
  }

  #isRuled(): boolean {
    const { decisions, actionBlockers } = this.#context;
    const isAsked = decisions.latest?.actions.some(({ kind }) => kind === "keep-replication") ?? false;
    return isAsked && actionBlockers().length === 0;
  }

  async #make(change: ReplicationChange, context: ChangeContext): Promise<void> {
    const { clock, log } = this.#context;
    const { region } = context.cluster;
    const sentence = describeChange(change);
    const retry = this.#retries.get(sentence);
    if (retry !== undefined && clock.monotonicMs() < retry.notBeforeMonotonicMs) return;
    const fields = { event: "replication", change: change.kind, region };
    try {
      await makeChange(change, context);
      this.#addRepair(sentence, null);
      log.info(fields, `${region}: ${sentence}`);
    } catch (error) {
      const message = messageOf(error);
      this.#addRepair(sentence, message);
      log.warn({ ...fields, error: message }, `${region}: ${sentence} failed: ${message}`);
    }
    // Also after a success: a cluster that accepts a change without showing it must not be asked in every round.
    const delayMs = Math.min(RETRY_MAX_MS, retry === undefined ? RETRY_FIRST_MS : retry.delayMs * 2);
    this.#retries.set(sentence, { delayMs, notBeforeMonotonicMs: clock.monotonicMs() + delayMs });
    this.#dropOldRetries();
  }

  #addRepair(change: string, error: string | null): void {
    this.#repairs = [{ atMs: this.#context.clock.nowMs(), change, error }, ...this.#repairs].slice(0, REPAIRS_KEPT);
  }

  #dropOldRetries(): void {
    const now = this.#context.clock.monotonicMs();
    for (const [key, { notBeforeMonotonicMs }] of this.#retries) {
      if (now - notBeforeMonotonicMs > 2 * RETRY_MAX_MS) this.#retries.delete(key);
    }
  }
}

const isDefinition = ({ kind }: ReplicationChange) => kind === "put-definition";
const isOfOneIndex = (change: ReplicationChange) => "index" in change;

/** Whether the standby still follows the same active region, automatic changes are not paused, and nothing rejoins. */
const isStandbyOf = (then: ServingRecord, now: StateRecord) =>
  now.phase === "serving" &&
  now.epoch === then.epoch &&
  now.active === then.active &&
  now.paused === null &&
  now.plan === null;
