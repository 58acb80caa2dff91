import type { StepKind } from "../watchdog/core/state/plan.ts";

/** The steps of a promotion in their order, as the tests demand it. */
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
