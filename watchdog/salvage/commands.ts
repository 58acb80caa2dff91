import path from "node:path";
import { messageOf } from "../util/errors.ts";
import { type Discard, recordDiscards } from "./gate.ts";
import type { ActivePrimary, OldPrimary } from "./ports.ts";
import { exportDirectories, type Receipt, type ReceiptCheck, readReceipt, verifyReceipt } from "./receipt.ts";
import type { BatchBounds } from "./replay/batches.ts";
import { type ClassificationSummary, classifyExport, readClassification } from "./replay/classification.ts";
import { readSettled } from "./replay/journal.ts";
import { type ReplayReport, replay } from "./replay/replay.ts";
import type { ReplayChoice } from "./replay/replay-plan.ts";

/**
 * `es-failover salvage list | show | replay | discard`: what an operator can do with the exports. Results are data;
 * printing them is the command line's business.
 */

export type SalvageState =
  /** Has a receipt; whether its file agrees with it is known only after `show`. */
  | { readonly kind: "exported"; readonly receipt: Receipt }
  | { readonly kind: "unfinished" }
  | { readonly kind: "unreadable"; readonly problem: string };

export interface SalvageEntry {
  /** What `show` and `replay` are given: `<epoch>-<region>`, perhaps with a number. */
  readonly name: string;
  readonly directory: string;
  readonly state: SalvageState;
  /** Operations that were replayed or found in place already. */
  readonly settled: number;
}

/** All exports under `root`, oldest epoch first. Reads no exported file. */
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
  /** The exported file, read again and compared with its receipt. */
  readonly check: ReceiptCheck;
  /** The last comparison with the active region; null when there was none. */
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
  /** Its `id` is what `replaySalvage` is to be given as approval. */
  readonly classification: ClassificationSummary;
  /** What a replay would do. */
  readonly report: ReplayReport;
}

/**
 * The dry run that every replay begins with: compares the export with the active region as it is now, and says what a
 * replay would do. Changes nothing in the cluster.
 */
export async function previewReplay(request: ReplayRequest, nowMs: () => number): Promise<ReplayPreview> {
  const { directory, receipt } = await verified(request.root, request.name);
  const { active, bounds } = request;
  const classification = await classifyExport({ directory, receipt, active, nowMs, ...(bounds && { bounds }) });
  const report = await replay({ ...request, directory, receipt, approved: classification.id, dryRun: true });
  return { classification, report };
}

/** Carries out what a preview showed. See `replay`. */
export async function replaySalvage(request: ReplayRequest, approved: string): Promise<ReplayReport> {
  const { directory, receipt } = await verified(request.root, request.name);
  return replay({ ...request, directory, receipt, approved, dryRun: false });
}

export interface DiscardRequest {
  readonly root: string;
  readonly oldPrimary: Pick<OldPrimary, "region" | "probe" | "indices">;
  /** Names in full; patterns are refused. */
  readonly indices: readonly string[];
  readonly operator: string;
  readonly reason: string;
  readonly nowMs: () => number;
}

/**
 * Records that an operator gives up what these indices of the old primary hold, so that they may be deleted without a
 * receipt. Deletes nothing itself.
 *
 * @throws Error when a name is a pattern or unknown there; then nothing is recorded
 */
export async function discardIndices(request: DiscardRequest): Promise<readonly Discard[]> {
  const { oldPrimary, indices, operator, reason } = request;
  if (indices.length === 0) throw new Error("name the indices to discard: there is no way to discard all of them");
  const pattern = indices.find((name) => /[*?,]/.test(name));
  if (pattern !== undefined) throw new Error(`${pattern} is a pattern: name each index to discard in full`);
  const probe = await oldPrimary.probe();
  if (!probe.reachable) throw new Error(`${oldPrimary.region}: ${probe.error}`);
  const states = await oldPrimary.indices();
  const at = new Date(request.nowMs()).toISOString();
  const discards = indices.map((index) => {
    const state = states.find(({ name }) => name === index);
    if (state === undefined) throw new Error(`${oldPrimary.region} has no managed index named ${index}`);
    const { region } = oldPrimary;
    return { at, operator, reason, region, clusterUuid: probe.clusterUuid, index, uuid: state.uuid };
  });
  await recordDiscards(request.root, discards);
  return discards;
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
  const there = names.length === 0 ? "there are none" : `there are ${names.join(", ")}`;
  throw new Error(`no salvage named ${name} in ${root}: ${there}`);
}
