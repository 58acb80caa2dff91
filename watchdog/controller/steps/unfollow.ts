import type { StepOf } from "../../core/state/plan.ts";
import type { Clock } from "../../util/clock.ts";
import { assertNoneStuck } from "./indices-stuck.ts";
import { pauseActive } from "./replication-end.ts";
import { each, namesOf, presentOf, type StepContext } from "./step.ts";

/** Between two polls of whether an index is converted while its unfollow has not answered yet. */
const UNFOLLOW_POLL_MS = 200;

/** Converts closed followers to indices of their own. */
export async function unfollow(context: StepContext, step: StepOf<"unfollow">) {
  const { cluster } = context;
  const following = async () => namesOf(await presentOf(cluster, step.indices), (index) => index.following);
  const isFollowing = sharedPoll(context.clock, following);
  const convert = async () =>
    each(context, await following(), String, (index) => unfollowOne(context, index, () => isFollowing(index)));
  let failures = await convert();
  // A follower whose first copy ended a moment ago starts by itself, after `pause-follow` saw it paused.
  if (failures.length > 0 && (await pauseActive(context, step.indices)) > 0) failures = await convert();
  const [of, reason] = [step.indices.length, "it could not be detached from its leader"];
  assertNoneStuck(await following(), { of, what: "indices still followers", reason, failures });
  return step;
}

/**
 * Settles with the request, or as soon as a poll shows the index converted. Elasticsearch converts the index first and
 * answers only after the leader has dropped its retention leases, which takes a full timeout when the leader is lost.
 */
async function unfollowOne(
  { cluster, clock, signal }: StepContext,
  index: string,
  isFollowing: () => Promise<boolean>,
): Promise<void> {
  const answered = new AbortController();
  const converted = new AbortController();
  const request = cluster.unfollow(index, converted.signal).finally(() => answered.abort());
  // Once the index is converted, nothing awaits the request: its failure must not be an unhandled rejection.
  request.catch(() => undefined);
  const until = AbortSignal.any([signal, answered.signal]);
  while (!until.aborted) {
    await clock.sleep(UNFOLLOW_POLL_MS, until).catch(() => undefined);
    if (until.aborted || (await isFollowing().catch(() => true))) continue;
    // Hundreds of requests waiting for a lost leader would use up the connections to the region.
    converted.abort();
    return;
  }
  signal.throwIfAborted();
  await request;
}

/**
 * Returns whether an index is still in the list that `poll` returns. Callers share one poll at a time, and the next one
 * starts no sooner than twice its duration after it ended: listing hundreds of indices costs the cluster something, too.
 */
function sharedPoll(clock: Clock, poll: () => Promise<readonly string[]>): (index: string) => Promise<boolean> {
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  let isPolling = false;
  let latest: Promise<readonly string[]> = Promise.resolve([]);
  return async (index) => {
    const startedMs = clock.monotonicMs();
    if (!isPolling && startedMs >= notBeforeMs) {
      isPolling = true;
      latest = poll().finally(() => {
        isPolling = false;
        const endedMs = clock.monotonicMs();
        notBeforeMs = endedMs + Math.max(UNFOLLOW_POLL_MS, 2 * (endedMs - startedMs));
      });
    }
    return (await latest).includes(index);
  };
}
