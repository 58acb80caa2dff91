import { healthStateSchema } from "../../core/state/report.ts";
import { countsOf, labelled, oneOf, sampleOf, seconds } from "../metric.ts";

/** Health of both regions, as this watchdog sees it. */
export const probeMetrics = [
  labelled("region_health", "1 for the health of the region.", ["region", "state"], ({ status }) =>
    status.regions.flatMap(({ region, health }) => oneOf("state", healthStateSchema.options, health.state, { region })),
  ),
  labelled(
    "probes_total",
    "Probes by result; inconclusive: it proves nothing, such as a refused password.",
    ["region", "result"],
    ({ activity }) => countsOf(activity.probes),
  ),
  labelled("probe_duration_seconds", "How long the last probe took.", ["region"], ({ activity }) =>
    [...activity.lastProbeMs].flatMap(([region, durationMs]) => sampleOf({ region }, seconds(durationMs))),
  ),
  labelled("last_good_probe_timestamp_seconds", "When a probe was last good.", ["region"], ({ status }) =>
    status.regions.flatMap(({ region, health }) => sampleOf({ region }, seconds(health.lastGoodAtMs))),
  ),
  labelled(
    "canaries_total",
    "Documents written through the entry of this host and read back; result: accepted, or why not.",
    ["region", "result"],
    ({ activity }) => countsOf(activity.canaries),
  ),
  labelled(
    "canary_duration_seconds",
    "How long the last canary took, write and read together.",
    ["region"],
    ({ activity }) =>
      [...activity.lastCanaryMs].flatMap(([region, durationMs]) => sampleOf({ region }, seconds(durationMs))),
  ),
  labelled(
    "canary_failures_in_a_row",
    "Canaries that failed since the last good one; absent where no router is open.",
    ["region"],
    ({ canary }) => (canary === null ? [] : sampleOf({ region: canary.region }, canary.failuresInARow)),
  ),
  labelled("last_good_canary_timestamp_seconds", "When a canary was last accepted.", ["region"], ({ canary }) =>
    canary === null ? [] : sampleOf({ region: canary.region }, seconds(canary.lastGoodAtMs)),
  ),
  labelled(
    "region_problems",
    "What is wrong with the region although its probes are good: status has the sentences.",
    ["region"],
    ({ status }) => status.regions.flatMap(({ region, health }) => sampleOf({ region }, health.problems.length)),
  ),
];
