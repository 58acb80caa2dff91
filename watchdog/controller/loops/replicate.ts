import type { ReplicationChange } from "../../core/plans/replication-change.ts";
import type { ServingRecord, StateRecord } from "../../core/state/record.ts";
import { otherRegion } from "../../core/state/situation.ts";
import { forEachBounded } from "../../util/concurrency.ts";
import { messageOf } from "../../util/errors.ts";
import { confirmController } from "../confirm.ts";
import type { WatchdogContext } from "../context.ts";
import { replicationReport } from "../replication-report.ts";
import type { ReplicationStatus } from "../status.ts";
import { ChangeRetries } from "./change-retries.ts";
import { beginCopies, type CopyStart } from "./copy-slots.ts";
import { ReplicationPlanner } from "./plan-replication.ts";
import type { ChangeContext } from "./recreate-follower.ts";
import { describeChange, makeChange, retryKey } from "./replication-change.ts";

const REPAIRS_KEPT = 20;
/** After this time no further change begins: a next round follows, which sees what changed meanwhile. */
const ROUND_MAX_MS = 30_000;
/** Indices changed at once, by changes that copy nothing. */
const CHANGES_AT_ONCE = 4;

type Repair = ReplicationStatus["repairs"][number];

/** Reconciles the standby with the active region, by the changes that `planReplication` lists. */
export class ReplicationReconciler {
  readonly #context: WatchdogContext;
  readonly #planner: ReplicationPlanner;
  readonly #retries: ChangeRetries;
  #repairs: readonly Repair[] = [];

  constructor(context: WatchdogContext) {
    this.#context = context;
    this.#planner = new ReplicationPlanner(context);
    this.#retries = new ChangeRetries(context.clock);
  }

  report(): ReplicationStatus | null {
    return replicationReport(this.#context, this.#planner.problems, this.#repairs);
  }

  /** One round. Does nothing while the latest ruling does not ask for replication. */
  async round(): Promise<void> {
    const { observed, clusters, config, clock } = this.#context;
    const { record, active } = observed;
    if (!this.#isRuled() || record?.phase !== "serving" || active?.region !== record.active) return;
    const cluster = clusters[otherRegion(config, record.active)];
    const leader = clusters[record.active];
    const standby = config.regions[otherRegion(config, record.active)];
    if (cluster === undefined || leader === undefined || standby === undefined) return;
    const { changes, indices } = await this.#planner.plan({ cluster, active, record });
    const untilMonotonicMs = clock.monotonicMs() + ROUND_MAX_MS;
    const confirm: ChangeContext["confirm"] = (holds = () => true) =>
      confirmController(this.#context, (now) => isStandbyOf(record, now) && holds(now));
    const make = async (change: ReplicationChange): Promise<boolean> => {
      if (clock.monotonicMs() >= untilMonotonicMs) return false;
      // Checked before each change: once a closing has begun, no follower may be added.
      if (!this.#isRuled() || observed.record?.epoch !== record.epoch) return false;
      return this.#make(change, { cluster, leader, managed: config.replication, standby, confirm });
    };
    const makeAll = async (some: readonly ReplicationChange[]) => {
      for (const change of some) await make(change);
    };
    const due = changes.filter((change) => this.#retries.isDue(retryKey(change)));
    // Definitions in their order, then indices, which do not depend on each other, then the auto-follow pattern.
    await makeAll(due.filter(isDefinition));
    await forEachBounded(
      due.filter(isOfFollower),
      CHANGES_AT_ONCE,
      describeChange,
      async (each) => void (await make(each)),
    );
    const starts = due.flatMap((change): CopyStart[] => {
      const index = copiedBy(change);
      if (index === null) return [];
      const primaries = active.indices.find(({ name }) => name === index)?.primaries ?? 1;
      return [{ index, primaries, begin: () => make(change) }];
    });
    const { copiesAtOnce } = config.replication;
    await beginCopies(starts, { cluster, indices }, { atOnce: copiesAtOnce, untilMonotonicMs }, clock);
    await makeAll(due.filter(isOfAutoFollow));
  }

  #isRuled(): boolean {
    const { decisions, actionBlockers } = this.#context;
    const isAsked = decisions.latest?.actions.some(({ kind }) => kind === "keep-replication") ?? false;
    return isAsked && actionBlockers().length === 0;
  }

  /** Whether the change was made. */
  async #make(change: ReplicationChange, context: ChangeContext): Promise<boolean> {
    const { log, observed } = this.#context;
    const { region } = context.cluster;
    const sentence = describeChange(change);
    const fields = { event: "replication" as const, change: change.kind, region };
    this.#retries.note(retryKey(change));
    try {
      await makeChange(change, context);
      observed.activity.replicationChanges.add({ kind: change.kind, outcome: "done" });
      this.#addRepair(sentence, null);
      log.info(fields, `${region}: ${sentence}`);
      return true;
    } catch (error) {
      const message = messageOf(error);
      observed.activity.replicationChanges.add({ kind: change.kind, outcome: "failed" });
      this.#addRepair(sentence, message);
      log.warn({ ...fields, error: message }, `${region}: ${sentence} failed: ${message}`);
      return false;
    }
  }

  #addRepair(change: string, error: string | null): void {
    this.#repairs = [{ atMs: this.#context.clock.nowMs(), change, error }, ...this.#repairs].slice(0, REPAIRS_KEPT);
  }
}

const isDefinition = ({ kind }: ReplicationChange) => kind === "put-definition";
const isOfFollower = (change: ReplicationChange) =>
  ("index" in change || "follower" in change) && copiedBy(change) === null;
const isOfAutoFollow = (change: ReplicationChange) =>
  !isDefinition(change) && !isOfFollower(change) && copiedBy(change) === null;

/** The index that is copied after the change; null for other changes. */
function copiedBy(change: ReplicationChange): string | null {
  if (change.kind === "follow") return change.index;
  return change.kind === "recreate-follow" ? change.follower.name : null;
}

/** Whether the standby still follows the same active region, automatic changes are not paused, and nothing rejoins. */
const isStandbyOf = (then: ServingRecord, now: StateRecord): now is ServingRecord =>
  now.phase === "serving" &&
  now.epoch === then.epoch &&
  now.active === then.active &&
  now.paused === null &&
  now.plan === null;
