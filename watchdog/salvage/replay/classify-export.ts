import { contentHash, type SalvagedOperation } from "../operation.ts";
import type { ActivePrimary, DocumentCopy, IndexIdentity } from "../ports.ts";
import type { VerifiedReceipt } from "../receipt.ts";
import { type BatchBounds, defaultBatchBounds, operationBatches } from "./batches.ts";
import {
  type ClassCounts,
  type ClassificationSummary,
  type ClassifiedLine,
  classifiedOperations,
  hasClassification,
  noneOfEach,
  writeClassifiedOperations,
  writeSummary,
} from "./classification.ts";
import { classify, type SalvageClass, type SharedHistory } from "./classify.ts";
import { targetExists, targetOf } from "./target.ts";

const SAMPLES_PER_CLASS = 10;

export interface ClassifyOptions {
  readonly directory: string;
  readonly receipt: VerifiedReceipt;
  readonly active: ActivePrimary;
  readonly nowMs: () => number;
  readonly bounds?: BatchBounds;
}

/** Compares every exported operation with the active region and stores the result. Changes nothing in the cluster. */
export async function classifyExport(options: ClassifyOptions): Promise<ClassificationSummary> {
  const { directory, receipt, active } = options;
  const probe = await active.probe();
  if (!probe.reachable) throw new Error(`cannot compare with ${active.region} now: ${probe.error}`);
  const identity = (await active.identify([receipt.index])).get(receipt.index);
  const tally = new ClassTally();
  const id = await writeClassifiedOperations(directory, classifiedLines(options, identity, tally));
  const summary: ClassificationSummary = {
    schemaVersion: 1,
    id,
    takenAt: new Date(options.nowMs()).toISOString(),
    operations: receipt.operations.sha256,
    region: active.region,
    clusterUuid: probe.clusterUuid,
    counts: tally.counts(),
    absentIndices: (await targetExists(active, receipt.index)) ? [] : [targetOf(receipt.index)],
    externalVersions: tally.hasExternalVersions,
    samples: tally.samples,
  };
  await writeSummary(directory, summary);
  return summary;
}

async function* classifiedLines(
  { directory, receipt, active, bounds }: ClassifyOptions,
  identity: IndexIdentity | undefined,
  tally: ClassTally,
): AsyncGenerator<string> {
  const shared = sharedHistories(receipt, identity);
  const earlier = (await hasClassification(directory)) ? classifiedOperations(directory) : null;
  try {
    for await (const batch of operationBatches(directory, receipt, bounds ?? defaultBatchBounds)) {
      const copies = await active.documents(batch.map(({ operation }) => operation));
      for (const [position, { operation }] of batch.entries()) {
        const before: ClassifiedLine | undefined = (await earlier?.next())?.value;
        const classified = compare(
          operation,
          copies[position] ?? null,
          shared(operation.shard),
          before?.everSeen === true,
        );
        tally.add(operation, classified);
        yield JSON.stringify(classified);
      }
    }
  } finally {
    await earlier?.return(undefined);
  }
}

function compare(
  operation: SalvagedOperation,
  theirs: DocumentCopy | null,
  shared: SharedHistory,
  seenBefore: boolean,
): ClassifiedLine {
  const ours = { version: operation.version, contentHash: contentHash(operation) };
  const found = classify(ours, theirs, shared);
  if (theirs === null) {
    return { class: found.class, mayBeDeleted: found.mayBeDeleted || seenBefore, seen: null, everSeen: seenBefore };
  }
  return { ...found, seen: { seqNo: theirs.seqNo, primaryTerm: theirs.primaryTerm }, everSeen: true };
}

/**
 * The checkpoint up to which both regions share a shard's history. null for an index created after the failover: its
 * sequence numbers started at 0 again, so they are not comparable with the exported ones.
 */
function sharedHistories(receipt: VerifiedReceipt, identity: IndexIdentity | undefined) {
  const isShared = identity !== undefined && identity.createdAtMs <= Date.parse(receipt.promotedAt);
  const checkpoints = new Map(receipt.shards.map(({ shard, checkpoint }) => [shard, checkpoint]));
  return (shard: number): SharedHistory => {
    const checkpoint = checkpoints.get(shard) ?? null;
    return { checkpoint: isShared ? checkpoint : null, replicated: checkpoint !== null && checkpoint >= 0 };
  };
}

class ClassTally {
  /** See `ClassificationSummary`. */
  hasExternalVersions = false;
  readonly samples: { class: SalvageClass; index: string; id: string }[] = [];
  readonly #counts = new Map<string, ClassCounts>();

  add({ index, id, version, seqNo }: SalvagedOperation, classified: ClassifiedLine): void {
    if (version > BigInt(seqNo) + 1n) this.hasExternalVersions = true;
    const counts = this.#counts.get(index) ?? noneOfEach();
    counts[classified.class] += 1;
    if (classified.mayBeDeleted) counts.mayBeDeleted += 1;
    this.#counts.set(index, counts);
    if (classified.class === "same") return;
    if (this.samples.filter((sample) => sample.class === classified.class).length < SAMPLES_PER_CLASS) {
      this.samples.push({ class: classified.class, index, id });
    }
  }

  counts(): { index: string; classes: ClassCounts }[] {
    return [...this.#counts].map(([index, classes]) => ({ index, classes }));
  }
}
