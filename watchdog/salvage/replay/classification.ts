import { access } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { commitFile, PRIVATE_FILE, readIfThere } from "../../util/durable.ts";
import { writeFileAtomically } from "../../util/files.ts";
import { readLines, writeLines } from "../lines.ts";
import { contentHash, type SalvagedOperation } from "../operation.ts";
import type { ActivePrimary, DocumentCopy, IndexIdentity } from "../ports.ts";
import type { VerifiedReceipt } from "../receipt.ts";
import { type BatchBounds, defaultBatchBounds, operationBatches } from "./batches.ts";
import { classify, type SalvageClass, type SharedHistory, salvageClasses } from "./classify.ts";
import type { ClassifiedOperation } from "./replay-plan.ts";

/**
 * The classification of an export against the active region, kept beside the receipt. A replay carries out exactly what
 * was shown: each write holds only while the document is still the copy that was seen here.
 */

const LINES_FILE = "classification.ndjson";
const SUMMARY_FILE = "classification.json";

const classNames = z.enum(["missing", "same", "newer", "older", "conflicting"]);
const classifiedLine = z.strictObject({
  class: classNames,
  mayBeDeleted: z.boolean(),
  seen: z.strictObject({ seqNo: z.number(), primaryTerm: z.number() }).nullable(),
  /** This or an earlier classification found the document: where it is missing now, it has been deleted. */
  everSeen: z.boolean(),
});
type ClassifiedLine = z.output<typeof classifiedLine>;

const count = z.number().int().min(0);
const classCounts = z.strictObject({
  missing: count,
  /** Of `missing`: documents that the active region may have deleted itself; see `classify`. */
  mayBeDeleted: count,
  same: count,
  newer: count,
  older: count,
  conflicting: count,
});

const summarySchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** Names this classification when a replay of it is approved. */
  id: z.string(),
  takenAt: z.iso.datetime(),
  /** sha256 of the operations classified. */
  operations: z.string(),
  /** The region compared with. */
  region: z.string(),
  clusterUuid: z.string(),
  counts: z.array(z.strictObject({ index: z.string(), classes: classCounts })),
  /** Indices of the export that the active region does not have. */
  absentIndices: z.array(z.string()),
  /** The first few of each class but `same`, for a look before a replay. */
  samples: z.array(z.strictObject({ class: classNames, index: z.string(), id: z.string() })),
});

export type ClassificationSummary = z.output<typeof summarySchema>;
export type ClassCounts = z.output<typeof classCounts>;

const SAMPLES_PER_CLASS = 10;

export interface ClassifyOptions {
  readonly directory: string;
  readonly receipt: VerifiedReceipt;
  readonly active: ActivePrimary;
  readonly nowMs: () => number;
  readonly bounds?: BatchBounds;
}

/** Compares every exported operation with the active region and keeps the result. Changes nothing in the cluster. */
export async function classifyExport(options: ClassifyOptions): Promise<ClassificationSummary> {
  const { directory, receipt, active } = options;
  const probe = await active.probe();
  if (!probe.reachable) throw new Error(`${active.region} cannot be compared with now: ${probe.error}`);
  const present = await active.identify(receipt.indices.map(({ index }) => index));
  const tally = new ClassTally();
  const partial = path.join(directory, `${LINES_FILE}.partial`);
  const written = await writeLines(partial, classifiedLines(options, present, tally), "none");
  await commitFile(partial, path.join(directory, LINES_FILE));
  const summary: ClassificationSummary = {
    schemaVersion: 1,
    id: written.sha256.slice(0, 16),
    takenAt: new Date(options.nowMs()).toISOString(),
    operations: receipt.operations.sha256,
    region: active.region,
    clusterUuid: probe.clusterUuid,
    counts: tally.counts(),
    absentIndices: receipt.indices.map(({ index }) => index).filter((index) => !present.has(index)),
    samples: tally.samples,
  };
  const text = `${JSON.stringify(summarySchema.parse(summary), null, 2)}\n`;
  await writeFileAtomically(path.join(directory, SUMMARY_FILE), text, { mode: PRIVATE_FILE });
  return summary;
}

async function* classifiedLines(
  { directory, receipt, active, bounds }: ClassifyOptions,
  present: ReadonlyMap<string, IndexIdentity>,
  tally: ClassTally,
): AsyncGenerator<string> {
  const sharedUpTo = sharedHistories(receipt, present);
  const earlier = (await hasClassification(directory)) ? classifiedOperations(directory) : null;
  try {
    for await (const batch of operationBatches(directory, receipt, bounds ?? defaultBatchBounds)) {
      const copies = await active.documents(batch.map(({ operation }) => operation));
      for (const [position, { operation }] of batch.entries()) {
        const before: ClassifiedLine | undefined = (await earlier?.next())?.value;
        const shared = { checkpoint: sharedUpTo(operation.index, operation.shard) };
        const classified = compare(operation, copies[position] ?? null, shared, before?.everSeen === true);
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
 * The checkpoint up to which both regions share a shard's history; null for an index that was made after the failover:
 * whoever deleted and created it anew began to count at 0 again, and its sequence numbers say nothing about ours.
 */
function sharedHistories(receipt: VerifiedReceipt, present: ReadonlyMap<string, IndexIdentity>) {
  const promotedAtMs = Date.parse(receipt.promotedAt);
  const checkpoints = new Map(
    receipt.indices.flatMap(({ index, shards }) =>
      shards.map(({ shard, checkpoint }) => [`${shard}:${index}`, checkpoint] as const),
    ),
  );
  return (index: string, shard: number): number | null => {
    const identity = present.get(index);
    if (identity === undefined || identity.createdAtMs > promotedAtMs) return null;
    return checkpoints.get(`${shard}:${index}`) ?? null;
  };
}

/** The last complete classification; null when there is none. */
export async function readClassification(directory: string): Promise<ClassificationSummary | null> {
  const text = await readIfThere(path.join(directory, SUMMARY_FILE));
  return text === null ? null : summarySchema.parse(JSON.parse(text));
}

/** The lines are put in place whole and belong to the export beside them, so they count without their summary. */
async function hasClassification(directory: string): Promise<boolean> {
  return access(path.join(directory, LINES_FILE)).then(
    () => true,
    () => false,
  );
}

/** The classified operations in the order of the export. */
export async function* classifiedOperations(directory: string): AsyncGenerator<ClassifiedLine, undefined> {
  for await (const line of readLines(path.join(directory, LINES_FILE), "none")) {
    yield classifiedLine.parse(JSON.parse(line));
  }
}

/** Whether the classified operations on disk are the ones that the summary was made from. */
export async function matchesSummary(directory: string, summary: ClassificationSummary): Promise<boolean> {
  const lines = readLines(path.join(directory, LINES_FILE), "none");
  for (;;) {
    const step = await lines.next();
    if (step.done === true) return step.value.sha256.startsWith(summary.id);
  }
}

class ClassTally {
  readonly samples: { class: SalvageClass; index: string; id: string }[] = [];
  readonly #counts = new Map<string, ClassCounts>();

  add({ index, id }: { readonly index: string; readonly id: string }, classified: ClassifiedOperation): void {
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

function noneOfEach(): ClassCounts {
  return { missing: 0, mayBeDeleted: 0, same: 0, newer: 0, older: 0, conflicting: 0 };
}

/** Sums over all indices. */
export function totalOf(summary: ClassificationSummary): ClassCounts {
  const total = noneOfEach();
  for (const { classes } of summary.counts) {
    for (const name of [...salvageClasses, "mayBeDeleted"] as const) total[name] += classes[name];
  }
  return total;
}
