import { driftKinds } from "../../diagnostics/drift/inventory.ts";
import { gauge, labelled, oneOf, seconds } from "../metric.ts";

/** What the controller surveys from time to time. */
export const readinessMetrics = [
  labelled(
    "readiness_check",
    "1 for the verdict of a check of `preflight`; only from the controller, as the others of this group.",
    ["check", "verdict"],
    ({ surveyed: { system } }) =>
      (system?.checks ?? []).flatMap(({ check, verdict }) =>
        oneOf("verdict", ["ok", "warn", "fail"], verdict, { check }),
      ),
  ),
  labelled(
    "drift_items",
    "Items of a kind that the two regions do not have alike, and that replication does not carry; absent where it cannot be read.",
    ["kind"],
    ({ surveyed: { system } }) => {
      if (system === null) return [];
      const { items, unread } = system.drift;
      const read = driftKinds.filter((kind) => unread.every((one) => one.kind !== kind));
      return read.map((kind) => ({ labels: { kind }, value: items.filter((item) => item.kind === kind).length }));
    },
  ),
  gauge("survey_timestamp_seconds", "When the last survey ended.", ({ surveyed: { system } }) => seconds(system?.atMs)),
];
