import { count } from "../../util/text.ts";
import type { HookRun } from "../state/hooks.ts";
import type { ServingRecord, StateRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import { noted } from "../state/transitions.ts";
import { runBefore, type Wanted } from "./conditions/hooks.ts";
import type { Action, Outcome, PlainAction, RuleBody } from "./rule.ts";

/** Nothing changes while the hooks before a change run. */
export function hooksFirst(
  s: Situation<ServingRecord>,
  wants: Wanted,
  { reason, upkeep }: { readonly reason: string; readonly upkeep: readonly PlainAction["kind"][] },
): Outcome {
  const hooks = count(s.config.hooks.beforeClosing.length, "hook");
  return {
    record: s.record,
    actions: [...upkeep.map((kind) => ({ kind })), { kind: "run-hooks", run: runBefore(s, wants, reason) }],
    explanation: `${reason}: ${hooks} before closing run first, while routers are open to ${s.record.active}`,
  };
}

/** A router that neither opens nor loses its lease holds the hooks after the opening back no longer than this. */
const OPENING_MS_MAX = 30_000;

/**
 * Marks the opening that a change ends with, so that whichever controller leads next runs the hooks after it, and asks for
 * them. They run beside whatever the rules decide meanwhile.
 */
export function withOpeningHooks(s: Situation, outcome: Outcome): Outcome {
  const record = marked(s, outcome.record);
  const run = record?.phase === "serving" ? runAfter({ ...s, record }) : null;
  if (run === null) return record === outcome.record ? outcome : { ...outcome, record };
  const action: Action = { kind: "run-hooks", run };
  return { ...outcome, record, actions: [...outcome.actions, action] };
}

function marked({ record: before, config }: Situation, after: StateRecord | null): StateRecord | null {
  if (before === null || before.phase === "serving" || after?.phase !== "serving") return after;
  if (config.hooks.afterOpening.length === 0) return after;
  const { change, from, to } = before;
  return { ...after, openingHooks: { change, from, to, reason: after.cause } };
}

function runAfter({ record, seen, nowMs }: Situation<ServingRecord>): HookRun | null {
  const { openingHooks, epoch, active, startedAtMs } = record;
  if (openingHooks === undefined || seen.hooks?.after?.id === idOf(record)) return null;
  const areOpen = seen.routers?.every(({ acknowledgedEpoch }) => acknowledgedEpoch >= epoch) ?? false;
  if (!areOpen && nowMs - startedAtMs < OPENING_MS_MAX) return null;
  return { phase: "after-opening", id: idOf(record), ...openingHooks, active, epoch };
}

const idOf = ({ epoch }: ServingRecord) => String(epoch);

export const openingHooksEnded: RuleBody<"serving"> = {
  scope: [({ record }) => (record.openingHooks === undefined ? "no hook has to run after the opening" : null)],
  conditions: [
    ({ record, seen, config }) => {
      const report = seen.hooks?.after ?? null;
      const isOver = report?.id === idOf(record) && report.state !== "running";
      return isOver || config.hooks.afterOpening.length === 0 ? null : "the hooks after the opening have not ended";
    },
  ],
  outcome: ({ record: { openingHooks: _, ...record } }) => ({
    record: noted<ServingRecord>(record, {}),
    actions: [],
    explanation: `the hooks after the opening under epoch ${record.epoch} have ended`,
  }),
};
