import { gauge, labelled, sampleOf, seconds } from "../metric.ts";

/** The watchdogs, their store, and whether this watchdog trusts itself. */
export const quorumMetrics = [
  gauge("decider", "1 when this watchdog is the controller, which decides.", ({ status }) => status.leadership.leading),
  gauge(
    "sites_heard",
    "Sites whose watchdogs report, this one included.",
    ({ status }) => new Set(status.sightings.map(({ site }) => site)).size,
  ),
  gauge(
    "watchdogs_silent",
    "Registered watchdogs that do not report.",
    ({ status }) => Object.values(status.silence).filter((silentMs) => silentMs > 0).length,
  ),
  gauge("store_up", "1 when the store answers this watchdog.", ({ status }) => status.store.reachable),
  gauge(
    "store_full",
    "1 when the store takes no write although it answers.",
    ({ status }) => status.store.full != null,
  ),
  labelled("store_db_size_bytes", "Size of the data of a member of etcd.", ["member"], ({ storeSpace }) =>
    (storeSpace ?? []).flatMap(({ endpoint, bytes }) => sampleOf({ member: endpoint }, bytes)),
  ),
  labelled("store_quota_bytes", "Bound on that size: beyond it no write is taken.", ["member"], ({ storeSpace }) =>
    (storeSpace ?? []).flatMap(({ endpoint, quotaBytes }) => sampleOf({ member: endpoint }, quotaBytes)),
  ),
  gauge(
    "failsafe_active",
    "1 while the router stays open by the other watchdogs' grants alone, without the store.",
    ({ status: { failsafe, nowMs }, config }) =>
      failsafe === null
        ? null
        : failsafe.fault === null &&
          failsafe.lastAskedAtMs !== null &&
          nowMs - failsafe.lastAskedAtMs < config.leases.ttlMs,
  ),
  gauge("self_trusted", "1 while the self-check of this watchdog holds.", ({ status }) => status.self.trusted),
  labelled(
    "loop_last_turn_timestamp_seconds",
    "When the loop last completed a round.",
    ["loop"],
    ({ loops, status: { nowMs } }) => loops.flatMap(({ loop, ageMs }) => sampleOf({ loop }, seconds(nowMs - ageMs))),
  ),
];
