import type { IndexState } from "../../core/state/cluster.ts";
import type { StepOf } from "../../core/state/plan.ts";
import { assertNoneUnfinished } from "./followers-changed.ts";
import { assertNoneStuck } from "./indices-stuck.ts";
import { inBatchesOrSingly, lacksPrimary, namesOf, POLL_INTERVAL_MS, presentOf, type StepContext } from "./step.ts";

/** Closes followers: Elasticsearch unfollows only closed ones. */
export async function close(context: StepContext, step: StepOf<"close">) {
  const { cluster } = context;
  const openIn = (present: readonly IndexState[]) => namesOf(present, (index) => index.following && index.open);
  const before = await presentOf(cluster, step.indices);
  assertNoneUnfinished(before);
  const failures = await inBatchesOrSingly(context, openIn(before), (batch) => cluster.closeIndices(batch));
  const reason = "it could not be closed";
  const left = openIn(await presentOf(cluster, step.indices));
  assertNoneStuck(left, { of: before.length, what: "indices still open", reason, failures });
  return step;
}

/** Opens indices and waits, within a request's timeout, until each shard has an active primary. */
export async function open(context: StepContext, step: StepOf<"open">) {
  const { cluster, clock, signal, config } = context;
  const closed = async () => namesOf(await presentOf(cluster, step.indices), (index) => !index.open);
  const failures = await inBatchesOrSingly(context, await closed(), (batch) => cluster.openIndices(batch));
  const of = step.indices.length;
  const stillClosed = await closed();
  assertNoneStuck(stillClosed, { of, what: "indices still closed", reason: "it could not be opened", failures });
  const endsMs = clock.monotonicMs() + config.elasticsearch.requestTimeoutMs;
  const unassigned = async () => namesOf(await presentOf(cluster, step.indices), lacksPrimary);
  while ((await unassigned()).length > 0 && clock.monotonicMs() < endsMs) await clock.sleep(POLL_INTERVAL_MS, signal);
  const reason = "it has no active primary since it was opened";
  assertNoneStuck(await unassigned(), { of, what: "indices without all primaries", reason, failures: [] });
  return step;
}
