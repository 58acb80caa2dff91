import { gauge, labelled, oneOf, sampleOf, seconds } from "../metric.ts";

/** The record: which region is active, and which change is under way. */
export const stateMetrics = [
  labelled("build_info", "Version of the watchdog; always 1.", ["version"], ({ version }) => sampleOf({ version }, 1)),
  gauge(
    "ready",
    "1 when a loss of the whole active region would lead to a failover now; only from the controller, and not during a change.",
    ({ readiness }) => readiness?.ready,
  ),
  gauge("start_time_seconds", "When this watchdog started.", ({ status }) => seconds(status.startedAtMs)),
  gauge("epoch", "Epoch of the record: it grows whenever the region that may accept writes changes.", ({ status }) =>
    status.record === null ? null : status.record.epoch,
  ),
  labelled("phase", "1 for the phase of the record.", ["phase"], ({ status: { record } }) =>
    oneOf("phase", ["serving", "closing", "promoting"], record?.phase ?? null),
  ),
  gauge("phase_since_timestamp_seconds", "When the change of the current phase began.", ({ status }) =>
    seconds(status.record?.startedAtMs),
  ),
  labelled("active", "1 for the active region; 0 for each during a change.", ["region"], ({ status, config }) => {
    const { record } = status;
    if (record === null) return [];
    return Object.keys(config.regions).flatMap((region) =>
      sampleOf({ region }, record.phase === "serving" && record.active === region),
    );
  }),
  labelled(
    "standby_state",
    "1 for the state of the region that is not active; absent during a change.",
    ["state"],
    ({ status: { record } }) =>
      oneOf(
        "state",
        ["absent", "fencing", "salvaging", "following", "in-sync"],
        record?.phase === "serving" ? record.standby : null,
      ),
  ),
  labelled("rule", "1 for the rule that decided last.", ["rule"], ({ status: { decisions } }) =>
    sampleOf({ rule: decisions[0]?.rule ?? "none" }, decisions.length > 0 ? 1 : null),
  ),
  gauge("paused", "1 while automatic failovers are paused.", ({ status: { record } }) =>
    record === null ? null : record.paused !== null,
  ),
  gauge("paused_since_timestamp_seconds", "Since when automatic failovers are paused.", ({ status }) =>
    seconds(status.record?.paused?.sinceMs),
  ),
  gauge(
    "blocked_until_timestamp_seconds",
    "End of the block period after a failover, during which none is automatic.",
    ({ status }) => seconds(status.record?.blockedUntilMs),
  ),
];
