import type { StateRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";

/** null when the condition holds, else what stands in the way, as a sentence. */
export type Condition<R extends StateRecord | null> = (situation: Situation<R>) => string | null;

/** What the daemon is to do as long as the decision stands. */
export type Action =
  /** Set up and mend following on the standby. */
  | { readonly kind: "keep-replication" }
  /** Carry out the next step of the record's plan. */
  | { readonly kind: "carry-out-plan" };

export interface Outcome<R extends StateRecord | null = StateRecord | null> {
  /** The next record; the very same object when nothing changes. */
  readonly record: R | StateRecord;
  readonly actions: readonly Action[];
  /** One sentence for a human. */
  readonly explanation: string;
}

export type Phase = StateRecord["phase"] | "none";
export type RecordOf<P extends Phase> = P extends "none" ? null : Extract<StateRecord, { phase: P }>;

export interface Rule {
  readonly id: RuleId;
  readonly purpose: string;
  /** True for a rule about one situation, false for a guard that stands before every phase. */
  readonly isSpecific: boolean;
  /** null when the rule is about another phase or another kind of change, else what stands in its way. */
  readonly blockers: (situation: Situation) => readonly string[] | null;
  readonly outcome: (situation: Situation) => Outcome;
}

export const everyPhase = ["none", "serving", "closing", "promoting"] as const;

/** Conditions that say what a rule is about, rather than what it waits for. */
const scopes = new WeakSet<object>();

/** Marks a condition as one that says what its rule is about: where it fails, the rule is about something else. */
export function scope<R extends StateRecord | null>(condition: Condition<R>): Condition<R> {
  scopes.add(condition);
  return condition;
}

/** A rule about one or several phases. TypeScript cannot follow the phase through the table, so it is checked here, once. */
export function rule<P extends Phase>(
  id: RuleId,
  phases: readonly P[],
  purpose: string,
  conditions: readonly Condition<RecordOf<P>>[],
  outcome: (situation: Situation<RecordOf<P>>) => Outcome,
): Rule {
  const inPhase = (situation: Situation): situation is Situation<RecordOf<P>> =>
    (phases as readonly Phase[]).includes(situation.record?.phase ?? "none");
  return {
    id,
    purpose,
    isSpecific: phases.length < everyPhase.length,
    blockers: (situation) => {
      if (!inPhase(situation)) return null;
      if (conditions.some((condition) => scopes.has(condition) && condition(situation) !== null)) return null;
      return conditions.flatMap((condition) => condition(situation) ?? []);
    },
    outcome: (situation) => {
      if (!inPhase(situation)) throw new Error(`rule ${id} was asked about a phase that is not its own`);
      return outcome(situation);
    },
  };
}

export type RuleId =
  | "store-unreachable"
  | "self-doubt"
  | "not-leading"
  | "fill-store-from-copy"
  | "filled-store-settles"
  | "first-primary"
  | "no-record"
  | "promotion-done"
  | "promotion-undone"
  | "switchover-undone"
  | "switchover-given-up"
  | "promotion-waits"
  | "promotion-goes-on"
  | "closing-called-off"
  | "switchover-called-off"
  | "begin-promotion"
  | "closing-waits"
  | "operator-failover"
  | "switchover"
  | "refuse-request"
  | "failover"
  | "refuse-paused"
  | "refuse-both-unhealthy"
  | "refuse-several-routers"
  | "refuse-not-promotable"
  | "refuse-not-in-sync"
  | "refuse-block-period"
  | "register-watchdog"
  | "repair-done"
  | "repair-begins"
  | "repair-goes-on"
  | "rejoin-done"
  | "rejoin-goes-on"
  | "rejoin-waits"
  | "rejoin-begins"
  | "write-blocks-forgotten"
  | "automatic-failback"
  | "standby-joins"
  | "standby-in-sync"
  | "standby-behind"
  | "in-sync-noted"
  | "standby-waits"
  | "steady";

/** The record as it is, and what to do as long as that holds. */
export const unchanged = <R extends StateRecord | null>(
  record: R,
  explanation: string,
  ...kinds: Action["kind"][]
): Outcome<R> => ({
  record,
  actions: kinds.map((kind) => ({ kind })),
  explanation,
});
