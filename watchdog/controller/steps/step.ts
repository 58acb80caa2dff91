import type { WatchdogConfig } from "../../config/schema.ts";
import { type Cluster, ClusterError } from "../../core/ports/cluster.ts";
import type { Salvage } from "../../core/ports/salvage.ts";
import type { Follower, IndexState } from "../../core/state/cluster.ts";
import type { PlanStep, StepKind, StepOf } from "../../core/state/plan.ts";
import type { PlannedRecord } from "../../core/state/record.ts";
import type { Clock } from "../../util/clock.ts";
import { forEachBounded } from "../../util/concurrency.ts";

/** What a step may use. */
export interface StepContext {
  /** The region that the plan works on: the one to promote, to repair, or to rejoin. */
  readonly cluster: Cluster;
  /** The other region: the old active region, or the present one. */
  readonly other: Cluster;
  readonly salvage: Salvage;
  readonly record: PlannedRecord;
  readonly config: WatchdogConfig;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Throws when this watchdog may no longer act on the plan: to be called before every request that changes something. */
  readonly assertStillController: () => void;
  /** The same by the store itself, see `confirmController`: to be awaited right before every request that destroys something. */
  readonly confirmController: () => Promise<void>;
}

/**
 * One per kind of step. It does what is not done yet, reads back, and returns the step with what it recorded; it throws,
 * with the reason, when reading back shows that something is left. A request that failed or timed out proves nothing
 * either way: an unfollow may have worked although it reported that a retention lease stayed behind.
 */
export type StepRunner<K extends StepKind> = (context: StepContext, step: StepOf<K>) => Promise<PlanStep>;

/** Between two polls of a condition that a step waits for. */
export const POLL_INTERVAL_MS = 500;

export const followersOf = async (cluster: Cluster, leader: string): Promise<readonly Follower[]> =>
  (await cluster.followers()).filter(({ remoteCluster }) => remoteCluster === leader);

/** The named indices that still exist: one deleted meanwhile needs no promotion. */
export const presentOf = async (cluster: Cluster, names: readonly string[]): Promise<readonly IndexState[]> => {
  const wanted = new Set(names);
  return (await cluster.indices()).filter(({ name }) => wanted.has(name));
};

export const lacksPrimary = ({ open, primaries, primariesActive }: IndexState) => open && primariesActive < primaries;

export const namesOf = <T extends { readonly name: string }>(items: readonly T[], isWanted: (item: T) => boolean) =>
  items.filter(isWanted).map(({ name }) => name);

/** Sends one request per item, a bounded number at once; returns the failures as sentences. */
export function each<T>(
  { config, assertStillController }: StepContext,
  items: readonly T[],
  nameOf: (item: T) => string,
  request: (item: T) => Promise<void>,
  atOnce = config.promotion.parallelism,
): Promise<readonly string[]> {
  return forEachBounded(items, atOnce, nameOf, (item) => {
    assertStillController();
    return request(item);
  });
}

/** Sends one request per batch: closing and opening cost one update of the cluster state each, whatever their size. */
export function inBatches(
  context: StepContext,
  names: readonly string[],
  request: (batch: readonly string[]) => Promise<void>,
  atOnce = context.config.promotion.parallelism,
): Promise<readonly string[]> {
  const { batchSize } = context.config.promotion;
  const batches = Array.from({ length: Math.ceil(names.length / batchSize) }, (_, n) =>
    names.slice(n * batchSize, (n + 1) * batchSize),
  );
  return each(context, batches, (batch) => batch.join(","), request, atOnce);
}

/**
 * As `inBatches`; a batch that the cluster refuses is asked for again index by index, as it refuses the whole for the sake of
 * one. One that had no answer is not: that would take as many timeouts.
 */
export async function inBatchesOrSingly(
  context: StepContext,
  names: readonly string[],
  request: (batch: readonly string[]) => Promise<void>,
): Promise<readonly string[]> {
  const refused: string[] = [];
  const failures = await inBatches(context, names, async (batch) => {
    try {
      await request(batch);
    } catch (error) {
      if (batch.length === 1 || !(error instanceof ClusterError) || error.kind !== "rejected") throw error;
      refused.push(...batch);
    }
  });
  return [...failures, ...(await each(context, refused, String, (name) => request([name])))];
}

/** Throws with the first of what is left, and with the failures that explain it. */
export function assertNoneLeft(left: readonly string[], what: string, failures: readonly string[]): void {
  if (left.length > 0) throw new Error(sentenceOf(left, what, failures));
}

export function sentenceOf(left: readonly string[], what: string, failures: readonly string[]): string {
  const shown = (list: readonly string[]) =>
    list.slice(0, 3).join("; ") + (list.length > 3 ? ` and ${list.length - 3} more` : "");
  return `${what}: ${shown(left)}${failures.length === 0 ? "" : ` (${shown(failures)})`}`;
}
