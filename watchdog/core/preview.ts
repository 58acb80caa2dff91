import type { WatchdogConfig } from "../config/schema.ts";
import { forecast } from "./forecast.ts";
import { describeStep } from "./plans/describe-step.ts";
import { applyCommand, type ChangeCommand, type CommandOrigin } from "./requests.ts";
import { followersInSnapshot } from "./rules/conditions/standby.ts";
import type { RuleId } from "./rules/table.ts";
import { estimateLoss, leadersOf, missingIndices, withMissing } from "./state/loss.ts";
import type { Observations } from "./state/observations.ts";
import { leftOutBy, type Plan, stepOf } from "./state/plan.ts";
import type { ServingRecord, StateRecord } from "./state/record.ts";
import type { LeftOut, LossEstimate } from "./state/record-fields.ts";

/** What rulings are made from, apart from the configuration. Field names are persisted in recorded situations. */
export interface KnownSituation {
  readonly record: StateRecord | null;
  readonly seen: Observations;
  readonly nowMs: number;
}

/** What a change would do if an operator asked for it now. Nothing is changed. */
export interface ChangePreview {
  readonly kind: ChangeCommand["kind"];
  readonly from: string;
  readonly to: string;
  /** begins: it would start at once; waits: no rule would handle it yet; refused: with reasons. */
  readonly verdict: "begins" | "waits" | "refused";
  readonly rule: RuleId | null;
  /** Why it is refused, or the explanation of the rule that decides. */
  readonly reasons: readonly string[];
  /** The steps that would be carried out, in words. */
  readonly steps: readonly string[];
  /** The estimated loss of a failover; null for a switchover, which loses no write. */
  readonly loss: LossEstimate | null;
  /** Indices that would be missing afterwards, and why. */
  readonly missing: readonly LeftOut[];
  /** Managed indices that the old region must copy again before it is a standby. */
  readonly indicesToCopy: readonly string[];
}

/** Puts the request into a copy of the record and lets the rules decide. */
export function previewChange(
  situation: KnownSituation,
  command: ChangeCommand,
  asked: CommandOrigin,
  config: WatchdogConfig,
): ChangePreview {
  const { record, seen, nowMs } = situation;
  const { kind, to } = command;
  const applied = applyCommand(record, command, asked, {
    regions: Object.keys(config.regions),
    silence: seen.silence ?? {},
  });
  const from = record?.phase === "serving" ? record.active : (record?.from ?? "");
  const nothing = { kind, from, to, steps: [], loss: null, missing: [], indicesToCopy: [] };
  if (!applied.accepted) return { ...nothing, verdict: "refused", rule: null, reasons: applied.reasons };
  if (record?.phase !== "serving" || applied.record.phase !== "serving") {
    throw new Error("a change was accepted in a phase other than serving");
  }
  const { steps, plan } = forecast({ ...situation, record: applied.record }, config, 0);
  const [first, ...later] = steps;
  const verdict = verdictOf(first?.record ?? null);
  // A change that would begin and then wait, or be called off: the operator should know beforehand.
  const waits = verdict === "begins" && plan === null ? later.map(({ explanation }) => explanation) : [];
  const held = followersInSnapshot({ record, seen, nowMs, config }).map((index) => ({ index, reason: HELD }));
  const missing = plan === null || kind === "switchover" ? [] : [...missingBy(plan, seen), ...held];
  return {
    ...nothing,
    verdict,
    rule: first?.rule ?? null,
    reasons: [first?.explanation ?? "", ...waits],
    steps: [
      `close ${from} on every router, and wait until each has acknowledged or its lease has expired`,
      ...(plan?.steps.map(describeStep) ?? []),
      `open ${to} for writes`,
    ],
    loss: kind === "failover" ? lossOf(lossNow(record, seen, nowMs), seen, missing) : null,
    missing,
    indicesToCopy: (seen.standby?.region === to ? seen.standby.indices : []).map(({ name }) => name),
  };
}

const HELD = "a snapshot holds it: if that lasts beyond the bound, it is left out and joins later";

/** What a snapshot holds is complete: all of it is there. */
const lossOf = (loss: LossEstimate, { leaderSight }: Observations, missing: readonly LeftOut[]) =>
  withMissing(
    loss,
    leaderSight,
    missing.filter(({ reason }) => reason !== HELD),
  );

function missingBy(plan: Plan, { leaderSight }: Observations): readonly LeftOut[] {
  return missingIndices(leaderSight, stepOf(plan, "verify")?.indices ?? [], leftOutBy(plan));
}

function verdictOf(next: StateRecord | null): ChangePreview["verdict"] {
  if (next?.phase !== "serving") return "begins";
  return next.request === null ? "refused" : "waits";
}

/** The loss that a failover would record, from the followers' last known checkpoints. */
function lossNow({ active }: ServingRecord, seen: Observations, nowMs: number): LossEstimate {
  const followers = (seen.standby?.followers ?? []).filter(({ remoteCluster }) => remoteCluster === active);
  const shards = followers.flatMap(({ index, shards: progress }) => progress.map((shard) => ({ index, ...shard })));
  return estimateLoss({
    leader: seen.leaderSight,
    leaderCheckpoints: shards.map(({ index, shard, leaderCheckpointLastKnown: checkpoint }) => ({
      index,
      shard,
      checkpoint,
    })),
    checkpoints: shards.map(({ index, shard, followerCheckpoint }) => ({
      index,
      shard,
      globalCheckpoint: followerCheckpoint,
      maxSeqNo: followerCheckpoint,
    })),
    leaders: leadersOf(followers),
    closedAtMs: nowMs,
  });
}
