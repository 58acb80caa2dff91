import type { WatchdogConfig } from "../config/schema.ts";
import { snapshotMaxAgeMs } from "../core/rules/conditions/standby.ts";
import type { WatchdogContext } from "./context.ts";

/** In calm, one of so many rounds is made at least: each reads all of a region's indices. */
const CALM_ROUNDS = 3;
/**
 * For each so many shards of the active region, the controller leaves a round out in calm: reading 3,000 of them in every round takes
 * 3 % of a core, most of it to read again what has not changed.
 */
const SHARDS_PER_ROUND = 1_000;

type Pacing = Pick<WatchdogContext, "observed" | "config" | "clock">;

/**
 * Whether snapshots may be rarer: the controller is known, nothing changes, both regions are well. Should this watchdog have to decide on the loss of a
 * region, it last saw it so many rounds before, and its estimate is wider by as much.
 */
function isCalm({ observed, clock }: Pacing): boolean {
  const { record, leader } = observed;
  return (
    (leader !== null || observed.isController(clock.monotonicMs())) &&
    record?.phase === "serving" &&
    record.standby === "in-sync" &&
    record.plan === null &&
    [...observed.health.values()].every(({ state }) => state === "healthy")
  );
}

/** One of so many rounds is made now. */
function roundsPerSnapshot(pacing: Pacing): number {
  const { observed, config, clock } = pacing;
  if (!isCalm(pacing)) return 1;
  const longest = Math.min(CALM_ROUNDS, roundsUntilTooOld(config));
  if (!observed.isController(clock.monotonicMs())) return longest;
  const shards = observed.leaderSnapshot?.shards.length ?? 0;
  return Math.min(longest, 1 + Math.floor(shards / SHARDS_PER_ROUND));
}

/** A snapshot may still be acted on when the next one comes, even where that waits for a request that times out. */
const roundsUntilTooOld = (config: WatchdogConfig): number =>
  Math.floor((snapshotMaxAgeMs(config) - config.elasticsearch.requestTimeoutMs) / config.replication.intervalMs);

/** Time between two snapshots of a region. */
export const observationIntervalMs = (pacing: Pacing): number =>
  pacing.config.replication.intervalMs * roundsPerSnapshot(pacing);

/** Leaves out rounds in calm. The rounds themselves go on, so that the next one is as near as ever when calm ends. */
export function paced(pacing: Pacing, round: () => Promise<void>): () => Promise<void> {
  let leftOut = CALM_ROUNDS;
  return async () => {
    if (leftOut + 1 < roundsPerSnapshot(pacing)) {
      leftOut += 1;
      return;
    }
    leftOut = 0;
    await round();
  };
}
