import type { WatchdogConfig } from "../config/schema.ts";
import { forecast } from "./forecast.ts";
import { describeStep } from "./plans/describe-step.ts";
import { applyCommand, type ChangeCommand, type CommandOrigin } from "./requests.ts";
import type { RuleId } from "./rules/table.ts";
import { estimateLoss } from "./state/loss.ts";
import type { Observations } from "./state/observations.ts";
import type { ServingRecord, StateRecord } from "./state/record.ts";
import type { LossEstimate } from "./state/record-fields.ts";

/** What a watchdog knows at a moment, apart from its configuration: what decisions are made from. */
export interface KnownSituation {
  readonly record: StateRecord | null;
  readonly seen: Observations;
  readonly nowMs: number;
}

/** What would become of a change if it were asked for now. Nothing is changed by asking. */
export interface ChangePreview {
  readonly kind: ChangeCommand["kind"];
  readonly from: string;
  readonly to: string;
  /** begins: it would start at once; waits: no rule takes it up as things stand; refused: for these reasons. */
  readonly verdict: "begins" | "waits" | "refused";
  readonly rule: RuleId | null;
  /** Reasons of a refusal, or what the rule that decides says. */
  readonly reasons: readonly string[];
  /** What would be carried out, step by step, in words. */
  readonly steps: readonly string[];
  /** What would be lost: of a failover only, a switchover loses nothing. */
  readonly loss: LossEstimate | null;
  /** Managed indices that the region left behind must copy anew before it is a standby again. */
  readonly indicesToCopy: readonly string[];
}

/** Asks the rules themselves: the request is put into a copy of the record, and they decide. */
export function previewChange(
  situation: KnownSituation,
  command: ChangeCommand,
  asked: CommandOrigin,
  config: WatchdogConfig,
): ChangePreview {
  const { record, seen, nowMs } = situation;
  const { kind, to } = command;
  const applied = applyCommand(record, command, asked, Object.keys(config.regions));
  const from = record?.phase === "serving" ? record.active : (record?.from ?? "");
  const nothing = { kind, from, to, steps: [], loss: null, indicesToCopy: [] };
  if (!applied.accepted) return { ...nothing, verdict: "refused", rule: null, reasons: applied.reasons };
  if (record?.phase !== "serving" || applied.record.phase !== "serving") {
    throw new Error("a change was accepted in a phase other than serving");
  }
  const { steps, plan } = forecast({ ...situation, record: applied.record }, config, 0);
  const [first, ...later] = steps;
  const verdict = verdictOf(first?.record ?? null);
  // A change that would begin and then stand still, or be called off, is to be known of beforehand.
  const trouble = verdict === "begins" && plan === null ? later.map(({ explanation }) => explanation) : [];
  return {
    ...nothing,
    verdict,
    rule: first?.rule ?? null,
    reasons: [first?.explanation ?? "", ...trouble],
    steps: [
      `close ${from} on every router, and wait for their acknowledgements or the end of their leases`,
      ...(plan?.steps.map(describeStep) ?? []),
      `open ${to} for writes`,
    ],
    loss: kind === "failover" ? lossNow(record, seen, nowMs) : null,
    indicesToCopy: (seen.standby?.region === to ? seen.standby.indices : []).map(({ name }) => name),
  };
}

function verdictOf(next: StateRecord | null): ChangePreview["verdict"] {
  if (next?.phase !== "serving") return "begins";
  return next.request === null ? "refused" : "waits";
}

/** As the record of a failover would estimate it, from what the followers are known to have now. */
function lossNow({ active }: ServingRecord, seen: Observations, nowMs: number): LossEstimate {
  const shards = (seen.standby?.followers ?? [])
    .filter(({ remoteCluster }) => remoteCluster === active)
    .flatMap(({ index, shards: progress }) => progress.map((shard) => ({ index, ...shard })));
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
    closedAtMs: nowMs,
  });
}
