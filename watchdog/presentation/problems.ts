import type { WatchdogStatus } from "../controller/status.ts";
import { licenceEnds, licenceFault } from "../core/state/licence.ts";

/** What is wrong although it may serve: where, and a sentence. */
export function problemRows({
  store,
  newerVersion,
  self,
  regions,
  sightings,
  files,
  hookRefusal,
  notifications,
  nowMs,
}: WatchdogStatus): [string, string][] {
  const rows: [string, string][] = [];
  if (!store.reachable) rows.push(["store", `unreachable: ${store.error ?? "no reason given"}`]);
  else if (store.full) rows.push(["store", `takes no write: ${store.full}`]);
  if (store.warning) rows.push(["store", store.warning]);
  if (newerVersion) rows.push(["version", newerVersion]);
  if (!self.trusted) rows.push(["self-check", `failed, so it takes no action: ${self.reasons.join("; ")}`]);
  for (const { region, health, licence, snapshots } of regions) {
    const problem = licence && (licenceFault(region, licence) ?? licenceEnds(region, licence, nowMs));
    if (problem) rows.push(["licence", problem]);
    if (snapshots?.problem) rows.push(["snapshots", snapshots.problem]);
    for (const degraded of health.problems) rows.push([region, degraded]);
  }
  for (const problem of files) rows.push(["files", problem]);
  if (hookRefusal !== null) rows.push(["hooks", `a change is refused: ${hookRefusal}`]);
  for (const { name, pending, error } of notifications?.targets ?? []) {
    if (pending > 0 && error !== null) rows.push(["notifications", `${pending} wait for ${name}: ${error}`]);
  }
  for (const { watchdog, canary } of sightings) if (canary) rows.push([watchdog, canary]);
  return rows;
}
