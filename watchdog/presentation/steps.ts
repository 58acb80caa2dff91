import type { StepReport } from "../controller/status.ts";
import { duration } from "../util/text.ts";

/** The steps of a change, below their headings. */
export const stepRows = (plan: readonly StepReport[]): string[][] => [
  ["STEP", "STATUS", "TOOK", "DETAIL"],
  ...plan.map(({ kind, status, detail, attempts, error, startedAtMs, finishedAtMs }) => [
    kind,
    status,
    startedAtMs !== null && finishedAtMs !== null ? duration(finishedAtMs - startedAtMs) : "",
    error === null ? detail : `${detail} (attempt ${attempts}: ${error})`,
  ]),
];
