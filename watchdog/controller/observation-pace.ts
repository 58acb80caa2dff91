import type { WatchdogContext } from "./context.ts";

/** Of the rounds of a watchdog that another one leads, in calm: each reads all of a region's indices. */
const CALM_ROUNDS = 3;

type Pacing = Pick<WatchdogContext, "observed" | "config" | "clock">;

/**
 * Whether snapshots may be rarer here: another watchdog is the controller, nothing changes, both regions are well. Should
 * this watchdog have to decide on the loss of a region, it last saw it so many rounds before, and its estimate is wider by as much.
 */
function isCalm({ observed, clock }: Pacing): boolean {
  const { record, leader } = observed;
  return (
    leader !== null &&
    !observed.isController(clock.monotonicMs()) &&
    record?.phase === "serving" &&
    record.standby === "in-sync" &&
    record.plan === null &&
    [...observed.health.values()].every(({ state }) => state === "healthy")
  );
}

/** Time between two snapshots of a region. */
export const observationIntervalMs = (pacing: Pacing): number =>
  pacing.config.replication.intervalMs * (isCalm(pacing) ? CALM_ROUNDS : 1);

/** Leaves out rounds in calm. The rounds themselves go on, so that the next one is as near as ever when calm ends. */
export function paced(pacing: Pacing, round: () => Promise<void>): () => Promise<void> {
  let toLeaveOut = 0;
  return async () => {
    if (toLeaveOut > 0 && isCalm(pacing)) {
      toLeaveOut -= 1;
      return;
    }
    toLeaveOut = CALM_ROUNDS - 1;
    await round();
  };
}
