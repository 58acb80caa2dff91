import path from "node:path";
import { messageOf } from "../util/errors.ts";
import type { ActivePrimary } from "./ports.ts";
import { exportDirectories, type Receipt, type ReceiptCheck, readReceipt, verifyReceipt } from "./receipt.ts";
import type { BatchBounds } from "./replay/batches.ts";
import { type ClassificationSummary, readClassification } from "./replay/classification.ts";
import { classifyExport } from "./replay/classify-export.ts";
import { readSettled } from "./replay/journal.ts";
import { replay } from "./replay/replay.ts";
import type { ReplayChoice } from "./replay/replay-plan.ts";
import type { ReplayReport } from "./replay/report.ts";

/** `es-failover salvage list | show | replay`: what an operator can do with the exports. Results are data. */

export type SalvageState =
  /** Has a receipt. Only `show` verifies the exported file against it. */
  | { readonly kind: "exported"; readonly receipt: Receipt }
  | { readonly kind: "unfinished" }
  | { readonly kind: "unreadable"; readonly problem: string };

export interface SalvageEntry {
  /** Argument of `show` and `replay`: `<epoch>-<region>`, perhaps with a number. */
  readonly name: string;
  readonly directory: string;
  readonly state: SalvageState;
  /** Operations that were replayed or already present. */
  readonly settled: number;
}

/** All exports under `root`, oldest epoch first. Does not read the exported files. */
export async function listSalvages(root: string): Promise<readonly SalvageEntry[]> {
  const names = await exportDirectories(root);
  return Promise.all(names.map((name) => entryOf(root, name)));
}

async function entryOf(root: string, name: string): Promise<SalvageEntry> {
  const directory = path.join(root, name);
  try {
    const receipt = await readReceipt(directory);
    const state: SalvageState = receipt === null ? { kind: "unfinished" } : { kind: "exported", receipt };
    return { name, directory, state, settled: (await readSettled(directory)).size };
  } catch (error) {
    return { name, directory, state: { kind: "unreadable", problem: messageOf(error) }, settled: 0 };
  }
}

export interface SalvageDetails extends SalvageEntry {
  /** Result of reading the exported file again. */
  readonly check: ReceiptCheck;
  /** The last comparison with the active region; null: none. */
  readonly classification: ClassificationSummary | null;
}

/** @throws Error when there is no export of this name */
export async function showSalvage(root: string, name: string): Promise<SalvageDetails> {
  const directory = await directoryOf(root, name);
  const [entry, check, classification] = await Promise.all([
    entryOf(root, name),
    verifyReceipt(directory),
    readClassification(directory),
  ]);
  return { ...entry, check, classification };
}

export interface ReplayRequest {
  readonly root: string;
  readonly name: string;
  readonly active: ActivePrimary;
  readonly choice: ReplayChoice;
  readonly bounds?: BatchBounds;
  readonly signal?: AbortSignal;
}

export interface ReplayPreview {
  /** Its `id` is the approval that `replaySalvage` requires. */
  readonly classification: ClassificationSummary;
  /** What a replay would do. */
  readonly report: ReplayReport;
}

/**
 * The dry run that precedes every replay: compares the export with the active region now, and reports what a replay
 * would do. Changes nothing in the cluster.
 */
export async function previewReplay(request: ReplayRequest, nowMs: () => number): Promise<ReplayPreview> {
  const { directory, receipt } = await verified(request.root, request.name);
  const { active, bounds } = request;
  const classification = await classifyExport({ directory, receipt, active, nowMs, ...(bounds && { bounds }) });
  const report = await replay({ ...request, directory, receipt, approved: classification.id, dryRun: true });
  return { classification, report };
}

/** Replays what a preview showed. See `replay`. */
export async function replaySalvage(request: ReplayRequest, approved: string): Promise<ReplayReport> {
  const { directory, receipt } = await verified(request.root, request.name);
  return replay({ ...request, directory, receipt, approved, dryRun: false });
}

async function verified(root: string, name: string) {
  const directory = await directoryOf(root, name);
  const check = await verifyReceipt(directory);
  if (!check.valid) throw new Error(`cannot replay ${name}: ${check.problem}`);
  return { directory, receipt: check.receipt };
}

async function directoryOf(root: string, name: string): Promise<string> {
  const names = await exportDirectories(root);
  if (names.includes(name)) return path.join(root, name);
  const existing = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
  throw new Error(`${root} has no salvage named ${name}: ${existing}`);
}
