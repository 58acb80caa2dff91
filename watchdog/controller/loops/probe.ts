import type { Cluster } from "../../core/ports/cluster.ts";
import { canaryFailure } from "../../core/state/canary.ts";
import type { ClusterProbe } from "../../core/state/cluster.ts";
import { indicesInWork, observeProbe } from "../../core/state/health.ts";
import { within } from "../../util/concurrency.ts";
import { messageOf } from "../../util/errors.ts";
import type { WatchdogContext } from "../context.ts";

/** Beyond the adapter's own bound: a probe that hangs must not leave a lost region looking healthy. */
const PROBE_SLACK_MS = 1_000;

/** Probes one region and updates its health. */
export async function probeRegion(context: WatchdogContext, cluster: Cluster): Promise<void> {
  const { clock, config, observed, log } = context;
  const beganMonotonicMs = clock.monotonicMs();
  const probe = await within(clock, config.checks.timeoutMs + PROBE_SLACK_MS, "the probe", cluster.probe()).catch(
    (error: unknown): ClusterProbe => ({ reachable: false, kind: "timeout", error: messageOf(error) }),
  );
  const before = observed.healthOf(cluster.region);
  const { record } = observed;
  const nowMs = clock.nowMs();
  const seen = { changeKnownForMs: observed.change.knownForMs(clock.monotonicMs()) };
  const refusal = canaryFailure(observed.canary, cluster.region, { record, nowMs, seen }, config);
  const after = observeProbe(before, probe, nowMs, config.checks, indicesInWork(record, cluster.region), refusal);
  observed.health.set(cluster.region, after);
  observed.activity.noteProbe(cluster.region, after, clock.monotonicMs() - beganMonotonicMs);
  const fields = {
    event: "health" as const,
    region: cluster.region,
    state: after.state,
    failures: after.failuresInARow,
    successes: after.successesInARow,
  };
  const sentence = `${cluster.region} is ${after.state}: ${after.reason}`;
  const isNews = before.state !== after.state || after.state === "suspect" || after.state === "recovering";
  if (isNews) log[after.state === "healthy" ? "info" : "warn"](fields, sentence);
  else log.debug(fields, sentence);
  if (before.state !== after.state) context.wakeCoordinate.trigger();
  context.wakeDecide.trigger();
}
