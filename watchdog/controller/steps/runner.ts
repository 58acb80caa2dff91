import type { PlanStep, StepKind, StepOf } from "../../core/state/plan.ts";
import { recordCheckpoints } from "./checkpoints.ts";
import { promoteDataStreams } from "./data-streams.ts";
import { discardCopies } from "./discard-copies.ts";
import { close, open } from "./open-close.ts";
import { clear, fence, salvage } from "./rejoin.ts";
import { drain, pauseAutoFollow, pauseFollow } from "./replication-end.ts";
import type { StepContext, StepRunner } from "./step.ts";
import { blockWrites, catchUp } from "./switchover.ts";
import { unfollow } from "./unfollow.ts";
import { verify } from "./verify.ts";
import { setWriteAliases } from "./write-aliases.ts";
import { keepBlocks, liftWriteBlock } from "./write-blocks.ts";

export const stepRunners: { readonly [K in StepKind]: StepRunner<K> } = {
  "pause-auto-follow": pauseAutoFollow,
  drain,
  "record-checkpoints": recordCheckpoints,
  "pause-follow": pauseFollow,
  close,
  unfollow,
  open,
  "discard-copies": discardCopies,
  "keep-blocks": keepBlocks,
  "write-aliases": setWriteAliases,
  "data-streams": promoteDataStreams,
  verify,
  "block-writes": blockWrites,
  "catch-up": catchUp,
  "lift-write-block": liftWriteBlock,
  fence,
  salvage,
  clear,
};

/**
 * Runs a step of any kind, and returns it with what it recorded.
 *
 * @throws FollowersChanged, UnmarkedIndices, or an Error that names what is left to do
 */
export function runStep(context: StepContext, step: PlanStep): Promise<PlanStep> {
  return runOf(context, step.kind, step);
}

type Steps = { readonly [K in StepKind]: StepOf<K> };

function runOf<K extends StepKind>(context: StepContext, kind: K, step: Steps[K]): Promise<PlanStep> {
  const run: (context: StepContext, step: Steps[K]) => Promise<PlanStep> = stepRunners[kind];
  return run(context, step);
}
