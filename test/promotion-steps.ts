import type { StepKind } from "../watchdog/core/state/plan.ts";

/** The steps of a promotion in the order that the tests require. */
export const promotionSteps = [
  "pause-auto-follow",
  "drain",
  "pause-follow",
  "record-checkpoints",
  "close",
  "unfollow",
  "open",
  "write-aliases",
  "data-streams",
  "verify",
] as const satisfies readonly StepKind[];

export type PromotionStep = (typeof promotionSteps)[number];
