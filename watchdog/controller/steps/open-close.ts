import type { IndexState } from "../../core/state/cluster.ts";
import type { StepOf } from "../../core/state/plan.ts";
import { assertNoneUnfinished } from "./followers-changed.ts";
import {
  assertNoneLeft,
  inBatches,
  lacksPrimary,
  namesOf,
  POLL_INTERVAL_MS,
  presentOf,
  type StepContext,
} from "./step.ts";

/** Closes followers: Elasticsearch unfollows only closed ones. */
export async function close(context: StepContext, step: StepOf<"close">) {
  const { cluster } = context;
  const openIn = (present: readonly IndexState[]) => namesOf(present, (index) => index.following && index.open);
  const before = await presentOf(cluster, step.indices);
  assertNoneUnfinished(before);
  const failures = await inBatches(context, openIn(before), (batch) => cluster.closeIndices(batch));
  assertNoneLeft(openIn(await presentOf(cluster, step.indices)), "indices still open", failures);
  return step;
}

/** Opens indices and waits, within a request's timeout, until each shard has an active primary. */
export async function open(context: StepContext, step: StepOf<"open">) {
  const { cluster, clock, signal, config } = context;
  const closed = async () => namesOf(await presentOf(cluster, step.indices), (index) => !index.open);
  const failures = await inBatches(context, await closed(), (batch) => cluster.openIndices(batch));
  assertNoneLeft(await closed(), "indices still closed", failures);
  const endsMs = clock.monotonicMs() + config.elasticsearch.requestTimeoutMs;
  const unassigned = async () => namesOf(await presentOf(cluster, step.indices), lacksPrimary);
  while ((await unassigned()).length > 0 && clock.monotonicMs() < endsMs) await clock.sleep(POLL_INTERVAL_MS, signal);
  assertNoneLeft(await unassigned(), "indices without all primaries", []);
  return step;
}
