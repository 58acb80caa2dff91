import { access } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { commitFile, PRIVATE_FILE, readIfThere } from "../../util/durable.ts";
import { writeFileAtomically } from "../../util/files.ts";
import { readLines, writeLines } from "../lines.ts";
import { salvageClasses } from "./classify.ts";

/**
 * The classification of an export against the active region, in the directory of the receipt. A replay does exactly what
 * its preview showed: each write applies only while the document is still the copy seen here.
 */

const LINES_FILE = "classification.ndjson";
const SUMMARY_FILE = "classification.json";

const className = z.enum(salvageClasses);
const classifiedLine = z.strictObject({
  class: className,
  mayBeDeleted: z.boolean(),
  seen: z.strictObject({ seqNo: z.number(), primaryTerm: z.number() }).nullable(),
  /** This classification or an earlier one found the document: if it is missing now, it was deleted. */
  everSeen: z.boolean(),
});
export type ClassifiedLine = z.output<typeof classifiedLine>;

const count = z.number().int().min(0);
const classCounts = z.strictObject({
  missing: count,
  /** Of `missing`: documents that the active region may have deleted, see `classify`. */
  mayBeDeleted: count,
  same: count,
  newer: count,
  older: count,
  conflicting: count,
});

const summarySchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** Identifies this classification when its replay is approved. */
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
  /**
   * Whether a version is higher than the number of operations that its shard had then: the application sets the versions
   * itself (external versioning), because Elasticsearch counts them one by one.
   */
  externalVersions: z.boolean(),
  /** The first few of each class except `same`. */
  samples: z.array(z.strictObject({ class: className, index: z.string(), id: z.string() })),
});

export type ClassificationSummary = z.output<typeof summarySchema>;
export type ClassCounts = z.output<typeof classCounts>;

/** Writes the lines, in the order of the export. Returns the id of the classification. */
export async function writeClassifiedOperations(directory: string, lines: AsyncIterable<string>): Promise<string> {
  const partial = path.join(directory, `${LINES_FILE}.partial`);
  const written = await writeLines(partial, lines, "none");
  await commitFile(partial, path.join(directory, LINES_FILE));
  return written.sha256.slice(0, 16);
}

export async function writeSummary(directory: string, summary: ClassificationSummary): Promise<void> {
  const text = `${JSON.stringify(summarySchema.parse(summary), null, 2)}\n`;
  await writeFileAtomically(path.join(directory, SUMMARY_FILE), text, { mode: PRIVATE_FILE });
}

/** The last complete classification; null: none. */
export async function readClassification(directory: string): Promise<ClassificationSummary | null> {
  const text = await readIfThere(path.join(directory, SUMMARY_FILE));
  return text === null ? null : summarySchema.parse(JSON.parse(text));
}

/** The lines are committed as a whole and belong to the export beside them, so they are valid without their summary. */
export async function hasClassification(directory: string): Promise<boolean> {
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

/** Whether the summary was made from the classified operations on disk. */
export async function matchesSummary(directory: string, summary: ClassificationSummary): Promise<boolean> {
  const lines = readLines(path.join(directory, LINES_FILE), "none");
  for (;;) {
    const step = await lines.next();
    if (step.done === true) return step.value.sha256.startsWith(summary.id);
  }
}

export function noneOfEach(): ClassCounts {
  return { missing: 0, mayBeDeleted: 0, same: 0, newer: 0, older: 0, conflicting: 0 };
}

/** Sums over all indices. */
export function totalOf(summaries: readonly ClassificationSummary[]): ClassCounts {
  const total = noneOfEach();
  for (const { classes } of summaries.flatMap(({ counts }) => counts)) {
    for (const name of [...salvageClasses, "mayBeDeleted"] as const) total[name] += classes[name];
  }
  return total;
}
