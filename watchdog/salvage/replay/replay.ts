import type { ActivePrimary } from "../ports.ts";
import type { VerifiedReceipt } from "../receipt.ts";
import { type BatchBounds, defaultBatchBounds, type NumberedOperation, operationBatches } from "./batches.ts";
import {
  type ClassificationSummary,
  classifiedOperations,
  matchesSummary,
  readClassification,
} from "./classification.ts";
import { createIndexOf, mayCreate } from "./create-index.ts";
import { type Outcome, readSettled, recordOutcomes } from "./journal.ts";
import type { Positions } from "./positions.ts";
import { type ClassifiedOperation, decideReplay, type ReplayChoice, type ReplayContext } from "./replay-plan.ts";
import { type ReplayReport, ReplayTally } from "./report.ts";
import { targetExists, targetOf } from "./target.ts";
import { type PendingWrite, writeBatch } from "./write-batch.ts";

export interface ReplayOptions {
  readonly directory: string;
  readonly receipt: VerifiedReceipt;
  readonly active: ActivePrimary;
  /** `id` of the classification that the operator approved. */
  readonly approved: string;
  readonly choice: ReplayChoice;
  /** Whether an operator declared that the application sets the versions of this index. */
  readonly isExternallyVersioned: (index: string) => boolean;
  /** Decides and counts, but writes nothing. */
  readonly dryRun: boolean;
  readonly bounds?: BatchBounds;
  /** Ends the replay after the current batch; the next run continues there. */
  readonly signal?: AbortSignal;
}

/**
 * Brings the salvaged operations of an index into the active region: creates the index if the region never had it, creates
 * missing documents, and replaces only what was classified and is not newer by now. A second run changes nothing more; after an interruption it continues where the journal ends.
 *
 * @throws Error when the approved classification is not the current one, or was made against another cluster
 * @throws ClusterError when a whole batch fails; earlier batches are recorded
 */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const { directory, receipt, active, dryRun } = options;
  const { externalVersions } = await assertApproved(options);
  const settled = await readSettled(directory);
  const tally = new ReplayTally(dryRun);
  const target = targetOf(receipt.index);
  const exists = await targetExists(active, receipt.index);
  const creates = !exists && mayCreate(receipt, options.choice);
  // A data stream comes with its first document.
  const isCreatedFirst = creates && target === receipt.index && !dryRun;
  const refusal = isCreatedFirst ? await createIndexOf(directory, receipt, active) : null;
  if (refusal !== null) return tally.refused(receipt, refusal);
  if (creates) tally.create(target);
  const context = {
    choice: options.choice,
    indexExists: exists || creates,
    externalVersions: externalVersions || options.isExternallyVersioned(receipt.index),
  };
  const classifications = classifiedOperations(directory);
  try {
    for await (const batch of operationBatches(directory, receipt, options.bounds ?? defaultBatchBounds)) {
      options.signal?.throwIfAborted();
      const classified = await takeClassified(classifications, batch, directory);
      const { writes, found } = decideBatch(classified, context, { settled, tally });
      if (dryRun) continue;
      await recordOutcomes(directory, found);
      const outcomes = await writeBatch(active, writes);
      await recordOutcomes(directory, outcomes);
      for (const [position, { write }] of writes.entries()) {
        const outcome = outcomes[position];
        if (outcome !== undefined) tally.add(write, outcome);
      }
    }
  } finally {
    await classifications.return(undefined);
  }
  return tally.report();
}

interface NumberedAndClassified extends NumberedOperation {
  readonly classified: ClassifiedOperation;
}

/** Both files have one line per operation, in the same order. */
async function takeClassified(
  classifications: AsyncGenerator<ClassifiedOperation>,
  batch: readonly NumberedOperation[],
  directory: string,
): Promise<readonly NumberedAndClassified[]> {
  const taken: NumberedAndClassified[] = [];
  for (const numbered of batch) {
    const line = await classifications.next();
    if (line.done === true) throw new Error(`${directory}: the classification is shorter than the export`);
    taken.push({ ...numbered, classified: line.value });
  }
  return taken;
}

interface ReplayState {
  readonly settled: Positions;
  readonly tally: ReplayTally;
}

function decideBatch(
  batch: readonly NumberedAndClassified[],
  context: Omit<ReplayContext, "isSettled">,
  { settled, tally }: ReplayState,
): { readonly writes: readonly PendingWrite[]; readonly found: readonly Outcome[] } {
  const writes: PendingWrite[] = [];
  const found: Outcome[] = [];
  for (const { n, operation, classified } of batch) {
    const decision = decideReplay(operation, classified, { ...context, isSettled: settled.has(n) });
    if (decision.kind === "write") {
      tally.attempt();
      writes.push({ numbered: { n, operation }, write: decision.write });
      continue;
    }
    tally.skip(decision.reason);
    // Settles it: if the application deletes the document later, a replay must not undo that.
    if (decision.reason === "same") found.push({ n, outcome: "present" });
  }
  return { writes, found };
}

async function assertApproved({ directory, receipt, active, approved }: ReplayOptions): Promise<ClassificationSummary> {
  const summary = await readClassification(directory);
  const again = "classify it again, check the result, and approve that one";
  if (summary === null) throw new Error(`${directory} has not been classified: ${again}`);
  if (summary.id !== approved) {
    throw new Error(`${directory}: classification ${approved} was approved, but ${summary.id} is current: ${again}`);
  }
  if (summary.operations !== receipt.operations.sha256 || !(await matchesSummary(directory, summary))) {
    throw new Error(`${directory}: the classification on disk does not belong to these operations: ${again}`);
  }
  const probe = await active.probe();
  if (!probe.reachable) throw new Error(`cannot write to ${active.region} now: ${probe.error}`);
  if (probe.clusterUuid !== summary.clusterUuid) {
    throw new Error(
      `${directory} was classified against ${summary.region} (cluster ${summary.clusterUuid}), but the active cluster ` +
        `is ${active.region} (${probe.clusterUuid}): ${again}`,
    );
  }
  return summary;
}
