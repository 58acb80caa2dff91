import { z } from "zod";
import type { DeepReadonly } from "../../util/deep-readonly.ts";
import type { Readiness } from "../readiness.ts";
import type { StateRecord } from "../state/record.ts";
import { region, timeMs } from "../state/record-fields.ts";

/**
 * What the watchdogs have noticed so far, kept where all of them see it: a new controller compares the present state with
 * it, and so repeats no event and misses none. Field names are persisted.
 */
export const viewSchema = z.object({
  /** When the last change that was noticed had finished; null: none. */
  changeAtMs: timeMs.nullable(),
  /** That change, while the old region is not yet in sync again. */
  awaitedAtMs: timeMs.nullable(),
  /** The change under way. */
  changing: z
    .object({
      change: z.enum(["failover", "switchover"]),
      from: region,
      to: region,
      startedAtMs: timeMs,
      isStuck: z.boolean(),
    })
    .nullable(),
  /** A failover that is needed and refused; `overSinceMs`: since when it is not any more. */
  refusal: z.object({ sinceMs: timeMs, isSent: z.boolean(), overSinceMs: timeMs.nullable() }).nullable(),
  /** The readiness that people know, since when they do, and since when the present one differs. */
  readiness: z.object({ ready: z.boolean(), sinceMs: timeMs, differsSinceMs: timeMs.nullable() }),
});

export type View = DeepReadonly<z.output<typeof viewSchema>>;

/** The present state, as one watchdog knows it. */
export interface Present {
  readonly record: StateRecord | null;
  /** The newest ruling; null before the first one. */
  readonly ruling: { readonly rule: string; readonly explanation: string } | null;
  /** null while it cannot be told. */
  readonly readiness: Readiness | null;
  readonly nowMs: number;
  readonly watchdog: string;
}

/** Before anything is noticed: what happened earlier is no news, and the protection counts as known. */
export function firstView({ record, nowMs }: Present): View {
  return {
    changeAtMs: record?.lastFailover?.finishedAtMs ?? null,
    awaitedAtMs: null,
    changing: null,
    refusal: null,
    readiness: { ready: true, sinceMs: nowMs, differsSinceMs: null },
  };
}
