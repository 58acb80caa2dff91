import type { SalvageEntry } from "../salvage/exports.ts";
import { size } from "../util/text.ts";

/** The exports of a host, below their headings. */
export const exportRows = (entries: readonly SalvageEntry[]): string[][] => [
  ["NAME", "STATE", "INDICES", "OPERATIONS", "SIZE", "SETTLED", "TAKEN"],
  ...entries.map(entryRow),
];

function entryRow({ name, state, indices, totals }: SalvageEntry): string[] {
  const { operations, bytes, settled, finishedAt } = totals;
  const numbers = [indices.length, operations, size(bytes), settled].map(String);
  return [name, state, ...numbers, finishedAt ?? "-"];
}
