import { contentHash } from "../operation.ts";
import type { ActivePrimary, ConditionalWrite, IndexIdentity, WriteResult } from "../ports.ts";
import type { VerifiedReceipt } from "../receipt.ts";
import { type BatchBounds, defaultBatchBounds, type NumberedOperation, operationBatches } from "./batches.ts";
import { classifiedOperations, matchesSummary, readClassification } from "./classification.ts";
import { type Outcome, readSettled, recordOutcomes } from "./journal.ts";
import { type ClassifiedOperation, decideReplay, type ReplayChoice, type SkipReason } from "./replay-plan.ts";

export interface ReplayOptions {
  readonly directory: string;
  readonly receipt: VerifiedReceipt;
  readonly active: ActivePrimary;
  /** `id` of the classification whose result the operator saw. */
  readonly approved: string;
  readonly choice: ReplayChoice;
  /** Decides and counts, but writes nothing. */
  readonly dryRun: boolean;
  readonly bounds?: BatchBounds;
  /** Ends the replay after the batch under way; the next run goes on from there. */
  readonly signal?: AbortSignal;
}

export interface ReplayReport {
  readonly dryRun: boolean;
  /** Operations that were, or in a dry run would be, sent. */
  readonly attempted: number;
  readonly outcomes: Readonly<Record<Outcome["outcome"], number>>;
  readonly skipped: Readonly<Record<SkipReason, number>>;
  /** The first few failures, with the cluster's reason. */
  readonly failures: readonly { readonly index: string; readonly id: string; readonly reason: string }[];
}

const FAILURES_SHOWN = 20;

/**
 * Brings salvaged operations into the active region: creates what is absent, replaces only the very copy that was
 * classified. Running it again changes nothing more; after an interruption it goes on where the journal ends.
 *
 * @throws Error when the approved classification is not the present one, or was made against another cluster
 * @throws ClusterError when a whole batch failed; what came before it is recorded
 */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const { directory, receipt, active, dryRun } = options;
  await assertApproved(options);
  const settled = await readSettled(directory);
  const present = await active.identify(receipt.indices.map(({ index }) => index));
  const report = emptyReport(dryRun);
  const classifications = classifiedOperations(directory);
  try {
    for await (const batch of operationBatches(directory, receipt, options.bounds ?? defaultBatchBounds)) {
      options.signal?.throwIfAborted();
      const classified = await takeClassified(classifications, batch, directory);
      const { writes, found } = decideBatch(classified, options.choice, settled, present, report);
      if (dryRun) continue;
      await recordOutcomes(directory, found);
      const outcomes = await carryOut(active, writes);
      await recordOutcomes(directory, outcomes);
      count(report, writes, outcomes);
    }
  } finally {
    await classifications.return(undefined);
  }
  return report;
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

function decideBatch(
  batch: readonly NumberedAndClassified[],
  choice: ReplayChoice,
  settled: ReadonlySet<number>,
  present: ReadonlyMap<string, IndexIdentity>,
  report: Tally,
): { readonly writes: readonly Pending[]; readonly found: readonly Outcome[] } {
  const writes: Pending[] = [];
  const found: Outcome[] = [];
  for (const { n, operation, classified } of batch) {
    const context = { choice, isSettled: settled.has(n), indexExists: present.has(operation.index) };
    const decision = decideReplay(operation, classified, context);
    if (decision.kind === "write") {
      report.attempted += 1;
      writes.push({ numbered: { n, operation }, write: decision.write });
      continue;
    }
    report.skipped[decision.reason] += 1;
    // Settled as well: if the application deletes it later on, that is not to be undone.
    if (decision.reason === "same") found.push({ n, outcome: "present" });
  }
  return { writes, found };
}

interface Pending {
  readonly numbered: NumberedOperation;
  readonly write: ConditionalWrite;
}

async function assertApproved({ directory, receipt, active, approved }: ReplayOptions): Promise<void> {
  const summary = await readClassification(directory);
  const again = "classify it again, look at the result, and approve that one";
  if (summary === null) throw new Error(`${directory} has not been classified: ${again}`);
  if (summary.id !== approved) {
    throw new Error(
      `${directory}: classification ${approved} was approved, the present one is ${summary.id}: ${again}`,
    );
  }
  if (summary.operations !== receipt.operations.sha256 || !(await matchesSummary(directory, summary))) {
    throw new Error(`${directory}: the classification on disk does not belong to these operations: ${again}`);
  }
  const probe = await active.probe();
  if (!probe.reachable) throw new Error(`${active.region} cannot be written to now: ${probe.error}`);
  if (probe.clusterUuid !== summary.clusterUuid) {
    throw new Error(
      `${directory} was classified against ${summary.region} (cluster ${summary.clusterUuid}), ` +
        `the active cluster is ${active.region} (${probe.clusterUuid}): ${again}`,
    );
  }
}

async function carryOut(active: ActivePrimary, writes: readonly Pending[]): Promise<Outcome[]> {
  if (writes.length === 0) return [];
  const results = await active.write(writes.map(({ write }) => write));
  const conflicted = writes.filter((_, position) => results[position]?.kind === "conflict");
  const identical = await identicalOnes(active, conflicted);
  return writes.map(({ numbered }, position) => outcomeOf(numbered, results[position], identical));
}

/**
 * Which of the writes that conflicted did so with their own content. That is how the writes of an interrupted run show,
 * when it did not live to record them.
 */
async function identicalOnes(active: ActivePrimary, conflicted: readonly Pending[]): Promise<ReadonlySet<number>> {
  if (conflicted.length === 0) return new Set();
  const copies = await active.documents(conflicted.map(({ numbered }) => numbered.operation));
  return new Set(
    conflicted
      .filter(({ numbered }, position) => copies[position]?.contentHash === contentHash(numbered.operation))
      .map(({ numbered }) => numbered.n),
  );
}

function outcomeOf({ n }: NumberedOperation, result: WriteResult | undefined, identical: ReadonlySet<number>): Outcome {
  switch (result?.kind) {
    case "written":
      return { n, outcome: "written" };
    case "conflict":
      return { n, outcome: identical.has(n) ? "present" : "changed" };
    case "failed":
      return { n, outcome: "failed", reason: result.reason };
    case undefined:
      return { n, outcome: "failed", reason: "the cluster did not answer for this write" };
    default:
      return result satisfies never;
  }
}

type Tally = ReturnType<typeof emptyReport>;

function emptyReport(dryRun: boolean) {
  const failures: { index: string; id: string; reason: string }[] = [];
  return {
    dryRun,
    attempted: 0,
    outcomes: { written: 0, present: 0, changed: 0, failed: 0 },
    skipped: {
      settled: 0,
      same: 0,
      older: 0,
      "not-chosen": 0,
      "may-be-deleted": 0,
      "no-source": 0,
      "index-absent": 0,
    },
    failures,
  } satisfies ReplayReport;
}

function count(report: Tally, writes: readonly Pending[], outcomes: readonly Outcome[]): void {
  for (const [position, outcome] of outcomes.entries()) {
    report.outcomes[outcome.outcome] += 1;
    const write = writes[position]?.write;
    if (outcome.outcome !== "failed" || write === undefined || report.failures.length >= FAILURES_SHOWN) continue;
    report.failures.push({ index: write.index, id: write.id, reason: outcome.reason ?? "no reason given" });
  }
}
