import type { LastFailover } from "../../core/state/record.ts";
import { countsOf, gauge, labelled, type Measured, type Sample, sampleOf, seconds } from "../metric.ts";

const last = ({ status }: Measured): LastFailover | null => status.record?.lastFailover ?? null;

/** A value of the last change, labelled by its kind. */
function ofLast(value: (change: LastFailover) => number | null): (measured: Measured) => readonly Sample[] {
  return (measured) => {
    const change = last(measured);
    return change === null ? [] : sampleOf({ kind: change.kind }, value(change));
  };
}

/** Failovers and switchovers. */
export const changeMetrics = [
  labelled(
    "changes_total",
    "Changes of the active region that ended while this watchdog ran; undone: it went back to the old region.",
    ["kind", "automatic", "outcome"],
    ({ activity }) => countsOf(activity.changes),
  ),
  labelled(
    "last_change_timestamp_seconds",
    "When routers opened to the active region.",
    ["kind"],
    ofLast(({ finishedAtMs }) => seconds(finishedAtMs)),
  ),
  labelled(
    "change_duration_seconds",
    "The last change, from the beginning of closing until routers opened: no router was open to a region meanwhile.",
    ["kind"],
    ofLast(({ startedAtMs, finishedAtMs }) => seconds(finishedAtMs - startedAtMs)),
  ),
  labelled(
    "write_pause_seconds",
    "For how long the last change kept applications from writing, as the router beside this watchdog saw it: from the last " +
      "write that the old region acknowledged until the first one of the new region, canaries included. Absent until then.",
    ["kind"],
    ({ status }) => {
      const change = status.record?.lastFailover;
      const pause = status.router?.writePause;
      return change == null || pause == null ? [] : sampleOf({ kind: change.kind }, seconds(pause.toMs - pause.fromMs));
    },
  ),
  labelled(
    "loss_operations",
    "Operations that the old region alone may hold after the last change; `most` is absent while nothing bounds it.",
    ["bound"],
    (measured) => {
      const loss = last(measured)?.loss;
      return [...sampleOf({ bound: "least" }, loss?.atLeast), ...sampleOf({ bound: "most" }, loss?.atMost)];
    },
  ),
  gauge(
    "left_out_indices",
    "Indices that the last change did not take over.",
    (measured) => last(measured)?.missingIndices.length,
  ),
  gauge(
    "former_primary_unsettled",
    "1 while the old region may still hold writes of its own: it has not rejoined.",
    (measured) => {
      const change = last(measured);
      return change === null ? null : change.rejoinedAtMs === null;
    },
  ),
  labelled(
    "hook_runs_total",
    "Hooks that this watchdog has run; failed: it ended with another status than 0, or not in time.",
    ["phase", "outcome"],
    ({ activity }) => countsOf(activity.hooks),
  ),
  labelled(
    "salvage_unsettled_operations",
    "Operations of an export on this host that were neither replayed nor found in the active region.",
    ["salvage"],
    ({ surveyed: { salvages } }) =>
      salvages.map(({ salvage, operations }) => ({ labels: { salvage }, value: operations })),
  ),
  labelled(
    "plan_step",
    "1 for the status of a step of the plan under way.",
    ["step", "status"],
    ({ status: { plan } }) =>
      stepsByKind(plan).map(({ kind, status }) => ({ labels: { step: kind, status }, value: 1 })),
  ),
  labelled("plan_step_attempts", "Attempts at a step of the plan under way.", ["step"], ({ status: { plan } }) =>
    stepsByKind(plan).map(({ kind, attempts }) => ({ labels: { step: kind }, value: attempts })),
  ),
];

type Step = NonNullable<Measured["status"]["plan"]>[number];

/** One step of each kind: of several, the one that is not done yet, or the last. */
function stepsByKind(plan: readonly Step[] | null): readonly Step[] {
  const byKind = new Map<string, Step>();
  for (const step of plan ?? []) {
    const known = byKind.get(step.kind);
    if (known === undefined || known.status === "done") byKind.set(step.kind, step);
  }
  return [...byKind.values()];
}
