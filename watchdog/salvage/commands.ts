import { createHash } from "node:crypto";
import { salvageNamed } from "./exports.ts";
import type { ActivePrimary } from "./ports.ts";
import { type VerifiedReceipt, verifyReceipt } from "./receipt.ts";
import type { BatchBounds } from "./replay/batches.ts";
import { type ClassificationSummary, readClassification } from "./replay/classification.ts";
import { classifyExport } from "./replay/classify-export.ts";
import { replay } from "./replay/replay.ts";
import type { ReplayChoice } from "./replay/replay-plan.ts";
import { mergedReport, type ReplayReport } from "./replay/report.ts";

/** `es-failover salvage replay`: the indices of an export one after the other. Results are data. */

export interface ReplayRequest {
  readonly root: string;
  readonly name: string;
  readonly active: ActivePrimary;
  readonly choice: ReplayChoice;
  /** Whether an operator declared that the application sets the versions of this index. Default: of none. */
  readonly isExternallyVersioned?: (index: string) => boolean;
  readonly bounds?: BatchBounds;
  readonly signal?: AbortSignal;
}

export interface ReplayPreview {
  /** The approval that `replaySalvage` requires. */
  readonly id: string;
  readonly classifications: readonly ClassificationSummary[];
  /** What a replay would do. */
  readonly report: ReplayReport;
}

/**
 * The dry run that precedes every replay: compares the export with the active region now, and reports what a replay
 * would do. Changes nothing in the cluster.
 */
export async function previewReplay(request: ReplayRequest, nowMs: () => number): Promise<ReplayPreview> {
  const { active, bounds } = request;
  const classifications: ClassificationSummary[] = [];
  const reports: ReplayReport[] = [];
  for (const { directory, receipt } of await verifiedIndices(request)) {
    const found = await classifyExport({ directory, receipt, active, nowMs, ...(bounds && { bounds }) });
    classifications.push(found);
    reports.push(await replayIndex(request, { directory, receipt, approved: found.id, dryRun: true }));
  }
  return { id: approvalOf(classifications), classifications, report: mergedReport(reports, true) };
}

/**
 * Replays what a preview showed. See `replay`.
 *
 * @throws Error when the preview is not the last one
 */
export async function replaySalvage(request: ReplayRequest, approved: string): Promise<ReplayReport> {
  const indices = await verifiedIndices(request);
  const classified = await Promise.all(indices.map(({ directory }) => readClassification(directory)));
  const current = approvalOf(classified);
  const again = "classify it again, check the result, and approve that one";
  if (classified.includes(null)) throw new Error(`${request.name} has not been classified: ${again}`);
  if (current !== approved) {
    throw new Error(`${request.name}: classification ${approved} was approved, but ${current} is current: ${again}`);
  }
  const reports: ReplayReport[] = [];
  for (const [position, { directory, receipt }] of indices.entries()) {
    const id = classified[position]?.id ?? "";
    reports.push(await replayIndex(request, { directory, receipt, approved: id, dryRun: false }));
  }
  return mergedReport(reports, false);
}

interface VerifiedIndex {
  readonly directory: string;
  readonly receipt: VerifiedReceipt;
}

function replayIndex(
  { active, choice, isExternallyVersioned = () => false, bounds, signal }: ReplayRequest,
  index: VerifiedIndex & { readonly approved: string; readonly dryRun: boolean },
): Promise<ReplayReport> {
  const optional = { ...(bounds && { bounds }), ...(signal && { signal }) };
  return replay({ ...index, active, choice, isExternallyVersioned, ...optional });
}

/** The indices that have something to replay. */
async function verifiedIndices({ root, name }: ReplayRequest): Promise<readonly VerifiedIndex[]> {
  const { indices, directory: place } = await salvageNamed(root, name);
  const found: VerifiedIndex[] = [];
  for (const { directory, state } of indices) {
    if (state.kind === "exported" && state.receipt.operations.count === 0) continue;
    const check = await verifyReceipt(directory);
    if (!check.valid) throw new Error(`cannot replay ${name}: ${check.problem}`);
    found.push({ directory, receipt: check.receipt });
  }
  if (indices.length === 0) throw new Error(`cannot replay ${name}: ${place} has no finished export of an index`);
  return found;
}

/** Identifies the classifications of all indices together. */
function approvalOf(classifications: readonly (ClassificationSummary | null)[]): string {
  const ids = classifications.map((one) => `${one?.operations} ${one?.id}`).join("\n");
  return createHash("sha256").update(ids).digest("hex").slice(0, 16);
}
