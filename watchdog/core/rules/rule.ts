import type { HookRun } from "../state/hooks.ts";
import type { StateRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";

/** null when the condition holds, else what blocks it, as a sentence. */
export type Condition<R extends StateRecord | null> = (situation: Situation<R>) => string | null;

export type PlainAction =
  /** Set up following on the standby and keep it up. */
  | { readonly kind: "keep-replication" }
  /** Carry out the next step of the record's plan. */
  | { readonly kind: "carry-out-plan" };

/** What the controller does for as long as this ruling is the newest one. */
export type Action =
  | PlainAction
  /** Run the hooks once for this change. */
  | { readonly kind: "run-hooks"; readonly run: HookRun };

export interface Outcome<R extends StateRecord | null = StateRecord | null> {
  /** The next record; the very same object when nothing changes. */
  readonly record: R | StateRecord;
  readonly actions: readonly Action[];
  /** One sentence for a human. */
  readonly explanation: string;
}

export type Phase = StateRecord["phase"] | "none";
export type RecordOf<P extends Phase> = P extends "none" ? null : Extract<StateRecord, { phase: P }>;

/** What a rule waits for and what it then does. The table adds id, phases and purpose. */
export interface RuleBody<P extends Phase> {
  /** Conditions that say what the rule is about: where one fails, the rule does not apply in this phase. */
  readonly scope?: readonly Condition<RecordOf<P>>[];
  /** What has to hold as well; each that fails is a blocker that `explain` shows. */
  readonly conditions: readonly Condition<RecordOf<P>>[];
  readonly outcome: (situation: Situation<RecordOf<P>>) => Outcome;
}

/** A row of the table. */
export interface Rule<Id extends string = string> {
  /** Stable: logs, history and metrics carry it. */
  readonly id: Id;
  readonly phases: readonly Phase[];
  /** One sentence: what the rule is for. */
  readonly purpose: string;
  /** Whether nothing blocks it: as `blockers`, but ends with the first condition that fails. */
  readonly holds: (situation: Situation) => boolean;
  /** null when the rule is about another phase or another kind of change, else what blocks it. */
  readonly blockers: (situation: Situation) => readonly string[] | null;
  readonly outcome: (situation: Situation) => Outcome;
}

export const everyPhase = ["none", "serving", "closing", "promoting"] as const satisfies readonly Phase[];

/** TypeScript cannot follow the phase through the table, so it is checked here, once. */
export function rule<const Id extends string, P extends Phase>(
  id: Id,
  phases: readonly P[],
  body: RuleBody<P>,
  purpose: string,
): Rule<Id> {
  const inPhase = (situation: Situation): situation is Situation<RecordOf<P>> =>
    phases.some((phase) => phase === (situation.record?.phase ?? "none"));
  const { scope = [], conditions } = body;
  return {
    id,
    phases,
    purpose,
    holds: (situation) =>
      inPhase(situation) &&
      scope.every((condition) => condition(situation) === null) &&
      conditions.every((condition) => condition(situation) === null),
    blockers: (situation) => {
      if (!inPhase(situation)) return null;
      if (scope.some((condition) => condition(situation) !== null)) return null;
      return conditions.flatMap((condition) => condition(situation) ?? []);
    },
    outcome: (situation) => {
      if (!inPhase(situation))
        throw new Error(`rule ${id} does not apply in phase ${situation.record?.phase ?? "none"}`);
      return body.outcome(situation);
    },
  };
}

/** What blocks a rule, in one sentence: for another rule that explains why that one does not apply. */
export function blockersOf<R extends StateRecord | null>(
  { conditions }: { readonly conditions: readonly Condition<R>[] },
  situation: Situation<R>,
): string {
  return conditions.flatMap((condition) => condition(situation) ?? []).join("; ") || "nothing blocks it";
}

/** The record as it is, and what to do for as long as this ruling is the newest one. */
export const unchanged = <R extends StateRecord | null>(
  record: R,
  explanation: string,
  ...kinds: PlainAction["kind"][]
): Outcome<R> => ({
  record,
  actions: kinds.map((kind) => ({ kind })),
  explanation,
});
