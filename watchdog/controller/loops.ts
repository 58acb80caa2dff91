import type { Loop } from "../util/loop.ts";
import type { Components } from "./components.ts";
import type { WatchdogContext } from "./context.ts";
import { sendCanary } from "./loops/canary.ts";
import { decideOnce } from "./loops/decide.ts";
import { observeActive } from "./loops/observe-active.ts";
import { observeSnapshots } from "./loops/observe-snapshots.ts";
import { observeSpace } from "./loops/observe-space.ts";
import { observeStandby } from "./loops/observe-standby.ts";
import { probeRegion } from "./loops/probe.ts";
import { paced } from "./observation-pace.ts";
import { SELF_CHECK_INTERVAL_MS } from "./self-check.ts";

/** Interval of decisions during a change, when no news comes in. */
const CHANGE_INTERVAL_MS = 500;

/** A store fills up over hours, and snapshots are hours apart. */
const SLOW_INTERVAL_MS = 60_000;

/**
 * Every loop of a watchdog. Each runs apart from the others, so that none waits for another's requests: a lost region
 * delays no renewal of a ticket or of a leadership.
 */
export function watchdogLoops(context: WatchdogContext, components: Components): readonly Loop[] {
  const { config, clusters, store, observed, peers, entry, selfCheck, wakeCoordinate, wakeDecide, wakeRoute } = context;
  const { coordinator, replication, router } = components;
  const checkMs = config.checks.intervalMs;
  // Several times per lease, so that a leadership and a report are renewed well before they end.
  const coordinationMs = Math.min(checkMs, config.leases.ttlMs / 4);
  const steadyMs = peers === null ? checkMs : coordinationMs;
  const observationMs = config.replication.intervalMs;
  return [
    {
      name: "self-check",
      intervalMs: () => SELF_CHECK_INTERVAL_MS,
      round: async () => {
        selfCheck.heartbeat();
        if (selfCheck.takeClockJump()) await router?.emptyTicket();
      },
    },
    ...Object.values(clusters).map((cluster) => ({
      name: `probe ${cluster.region}`,
      intervalMs: () => checkMs,
      round: () => probeRegion(context, cluster),
    })),
    ...(router === null
      ? []
      : [{ name: "router", intervalMs: () => router.intervalMs, round: () => router.round(), wakeup: wakeRoute }]),
    ...(router === null || entry === null || !config.canary.enabled
      ? []
      : [
          {
            name: "canary",
            intervalMs: () => config.canary.intervalMs,
            round: () => sendCanary(context, entry, () => router.ticket),
          },
        ]),
    {
      name: "coordinate",
      intervalMs: () => coordinationMs,
      round: () => coordinator.round(),
      wakeup: wakeCoordinate,
    },
    {
      name: "decide",
      intervalMs: () => (observed.record?.phase === "serving" ? steadyMs : Math.min(checkMs, CHANGE_INTERVAL_MS)),
      round: () => decideOnce(context, components),
      wakeup: wakeDecide,
    },
    {
      name: "observe the active region",
      intervalMs: () => observationMs,
      round: paced(context, () => observeActive(context)),
    },
    {
      name: "observe the standby",
      intervalMs: () => observationMs,
      round: paced(context, async () => {
        await observeStandby(context);
        wakeDecide.trigger();
      }),
    },
    ...(store.space === undefined
      ? []
      : [{ name: "store space", intervalMs: () => SLOW_INTERVAL_MS, round: () => observeSpace(context) }]),
    ...(config.snapshots === null
      ? []
      : Object.values(clusters).map((cluster) => ({
          name: `snapshots of ${cluster.region}`,
          intervalMs: () => SLOW_INTERVAL_MS,
          round: () => observeSnapshots(context, cluster),
        }))),
    { name: "replicate", intervalMs: () => observationMs, round: paced(context, () => replication.round()) },
  ];
}
