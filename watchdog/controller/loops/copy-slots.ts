import type { Cluster } from "../../core/ports/cluster.ts";
import type { IndexState } from "../../core/state/cluster.ts";
import type { Clock } from "../../util/clock.ts";

/** A change after which an index is copied. */
export interface CopyStart {
  readonly index: string;
  readonly primaries: number;
  /** Whether the copy has begun. */
  readonly begin: () => Promise<boolean>;
}

/** A copy of a small index ends within this time, and its slot goes to the next one in the same round. */
const SMALL_COPY_MS = 2_000;
const POLL_MS = 100;

/**
 * Begins first copies while fewer than `atOnce` run, those included that others began: each loads both regions. What does
 * not begin until `untilMonotonicMs` begins in a later round.
 */
export async function beginCopies(
  starts: readonly CopyStart[],
  standby: { readonly cluster: Cluster; readonly indices: readonly IndexState[] },
  { atOnce, untilMonotonicMs }: { readonly atOnce: number; readonly untilMonotonicMs: number },
  clock: Clock,
): Promise<void> {
  const running = standby.indices.filter(({ firstCopy }) => firstCopy?.state === "running").length;
  const waiting = [...starts];
  const slot = async () => {
    while (clock.monotonicMs() < untilMonotonicMs) {
      const next = waiting.shift();
      if (next === undefined) return;
      if ((await next.begin()) && !(await endsSoon(next, standby.cluster, clock))) return;
    }
  };
  await Promise.all(Array.from({ length: Math.max(0, Math.min(atOnce - running, starts.length)) }, slot));
}

async function endsSoon({ index, primaries }: CopyStart, cluster: Cluster, clock: Clock): Promise<boolean> {
  const until = clock.monotonicMs() + SMALL_COPY_MS;
  while (clock.monotonicMs() < until) {
    // Primaries that are not there have no checkpoint. An error tells nothing, as while the index is being made.
    const present = await cluster.checkpoints([index]).catch(() => []);
    if (present.length >= primaries) return true;
    await clock.sleep(POLL_MS);
  }
  return false;
}
