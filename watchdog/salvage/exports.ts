import path from "node:path";
import { messageOf } from "../util/errors.ts";
import { exportNames, indexDirectories } from "./directories.ts";
import { type Receipt, type ReceiptCheck, readReceipt, verifyReceipt } from "./receipt.ts";
import { type ClassificationSummary, readClassification } from "./replay/classification.ts";
import { readSettled } from "./replay/journal.ts";

/** `es-failover salvage list | show`: the exports of a host. Results are data. */

export type SalvageState =
  /** Has a receipt. Only `show` verifies the exported files against it. */
  | { readonly kind: "exported"; readonly receipt: Receipt }
  | { readonly kind: "unfinished" }
  | { readonly kind: "unreadable"; readonly problem: string };

/** The export of one index. */
export interface IndexEntry {
  readonly directory: string;
  readonly state: SalvageState;
  /** Operations that were replayed or already present. */
  readonly settled: number;
}

/** Sums over the receipts of an export. */
export interface ExportTotals {
  readonly operations: number;
  /** Operations above the checkpoints that could not be read. */
  readonly invisible: number;
  readonly bytes: number;
  readonly settled: number;
  /** Of the last receipt; null: there is none. */
  readonly finishedAt: string | null;
}

export interface SalvageEntry {
  /** Argument of `show` and `replay`: `<epoch>-<region>`. */
  readonly name: string;
  readonly region: string;
  readonly directory: string;
  /** exported: each index that was begun has a receipt; other version: another version of es-failover wrote it. */
  readonly state: "exported" | "unfinished" | "other version";
  readonly totals: ExportTotals;
  /** The last export of each index, by name; earlier ones of an index that changed are kept, and not listed. */
  readonly indices: readonly IndexEntry[];
}

/** All exports under `root`, oldest epoch first. Does not read the exported files. */
export async function listSalvages(root: string): Promise<readonly SalvageEntry[]> {
  const entries: SalvageEntry[] = [];
  for (const name of await exportNames(root)) entries.push(await entryOf(root, name));
  return entries;
}

/** @throws Error when there is no export of this name */
export async function salvageNamed(root: string, name: string): Promise<SalvageEntry> {
  const names = await exportNames(root);
  if (names.includes(name)) return entryOf(root, name);
  const existing = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
  throw new Error(`${root} has no salvage named ${name}: ${existing}`);
}

async function entryOf(root: string, name: string): Promise<SalvageEntry> {
  const directory = path.join(root, name);
  const entries: IndexEntry[] = [];
  for (const each of await indexDirectories(directory)) entries.push(await indexEntryOf(each));
  const indices = lastOfEach(entries).toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)));
  const isFinished = indices.every(({ state }) => state.kind === "exported");
  // Earlier versions had one receipt for all indices.
  const isOther = indices.length === 0 && (await readReceipt(directory).catch(() => "other")) === "other";
  const state = isOther ? "other version" : isFinished ? "exported" : "unfinished";
  return { name, region: name.replace(/^\d+-/, ""), directory, state, totals: totalsOf(indices), indices };
}

function totalsOf(indices: readonly IndexEntry[]): ExportTotals {
  const receipts = indices.flatMap(({ state }) => (state.kind === "exported" ? [state.receipt] : []));
  const sum = (of: (receipt: Receipt) => number) => receipts.reduce((total, receipt) => total + of(receipt), 0);
  return {
    operations: sum(({ operations }) => operations.count),
    invisible: sum(({ shards }) => shards.reduce((total, shard) => total + shard.invisible, 0)),
    bytes: sum(({ operations }) => operations.bytes),
    settled: indices.reduce((total, { settled }) => total + settled, 0),
    finishedAt:
      receipts
        .map(({ finishedAt }) => finishedAt)
        .toSorted()
        .at(-1) ?? null,
  };
}

async function indexEntryOf(directory: string): Promise<IndexEntry> {
  try {
    const receipt = await readReceipt(directory);
    const state: SalvageState = receipt === null ? { kind: "unfinished" } : { kind: "exported", receipt };
    return { directory, state, settled: (await readSettled(directory)).size };
  } catch (error) {
    return { directory, state: { kind: "unreadable", problem: messageOf(error) }, settled: 0 };
  }
}

/** Of several exports of one index, which come in their order, the last one that is finished. */
function lastOfEach(entries: readonly IndexEntry[]): readonly IndexEntry[] {
  const last = new Map<string, IndexEntry>();
  for (const entry of entries) {
    const key = entry.state.kind === "exported" ? entry.state.receipt.uuid : entry.directory;
    last.set(key, entry);
  }
  return [...last.values()];
}

const nameOf = ({ state, directory }: IndexEntry) => (state.kind === "exported" ? state.receipt.index : directory);

export interface IndexDetails extends IndexEntry {
  /** Result of reading the exported files again. */
  readonly check: ReceiptCheck;
  /** The last comparison with the active region; null: none. */
  readonly classification: ClassificationSummary | null;
}

export interface SalvageDetails extends Omit<SalvageEntry, "indices"> {
  readonly indices: readonly IndexDetails[];
}

/** @throws Error when there is no export of this name */
export async function showSalvage(root: string, name: string): Promise<SalvageDetails> {
  const entry = await salvageNamed(root, name);
  const indices: IndexDetails[] = [];
  for (const index of entry.indices) {
    const check = await verifyReceipt(index.directory);
    indices.push({ ...index, check, classification: await readClassification(index.directory) });
  }
  return { ...entry, indices };
}
