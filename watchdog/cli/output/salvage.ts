import { exportRows } from "../../presentation/exports.ts";
import type { ReplayPreview } from "../../salvage/commands.ts";
import type { IndexDetails, SalvageDetails, SalvageEntry } from "../../salvage/exports.ts";
import { totalOf } from "../../salvage/replay/classification.ts";
import { type SkipReason, skipReasonNames } from "../../salvage/replay/replay-plan.ts";
import type { ReplayReport } from "../../salvage/replay/report.ts";
import { count, section, size, table } from "../../util/text.ts";

export function formatList(entries: readonly SalvageEntry[]): string {
  if (entries.length === 0) return "This host has no exports: nothing has been salvaged here.";
  return table(exportRows(entries));
}

export function formatDetails({ name, directory, totals, indices }: SalvageDetails): string {
  const problems = indices.flatMap(({ check }) => (check.valid ? [] : [["-", check.problem]]));
  const limits = indices.flatMap(({ state }) =>
    state.kind === "exported" ? state.receipt.limits.map((limit) => [state.receipt.index, limit]) : [],
  );
  return [
    section(name, [
      ["directory", directory],
      ["integrity", problems.length === 0 ? "every file matches its receipt" : "INVALID"],
      ["operations", `${totals.operations}, ${size(totals.bytes)}`],
      ["settled", `${count(totals.settled, "operation")} replayed or already present`],
    ]),
    section("Invalid", problems),
    section("Indices", [indexColumns, ...indices.flatMap(indexRow)]),
    section("Not in the export", limits),
    ...comparisonSections(indices),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

const indexColumns = ["INDEX", "EXPORTED", "NOT READABLE", "WITHOUT SOURCE", "SETTLED", "SHA256"];

function indexRow({ state, settled }: IndexDetails): string[][] {
  if (state.kind !== "exported") return [];
  const { index, shards, operations } = state.receipt;
  const sum = (of: (shard: (typeof shards)[number]) => number) => shards.reduce((n, shard) => n + of(shard), 0);
  const counts = [operations.count, sum((s) => s.invisible), sum((s) => s.withoutSource), settled].map(String);
  return [[index, ...counts, operations.sha256]];
}

function comparisonSections(indices: readonly IndexDetails[]): string[] {
  const classified = indices.flatMap(({ classification }) => (classification === null ? [] : [classification]));
  const last = classified.toSorted((a, b) => a.takenAt.localeCompare(b.takenAt)).at(-1);
  if (last === undefined) return [];
  const { missing, mayBeDeleted, newer, conflicting, older, same } = totalOf(classified);
  const rows = { missing, "of these possibly deleted": mayBeDeleted, newer, conflicting, older, same };
  return [
    section(
      `Compared with ${last.region} at ${last.takenAt}`,
      Object.entries(rows).map(([name, n]) => [name, String(n)]),
    ),
  ];
}

/** @param active the region that a replay would write to */
export function formatReplayPreview({ classifications, report }: ReplayPreview, active: string): string {
  const rows = classifications.flatMap(({ counts }) =>
    counts.map(({ index, classes }) => [
      index,
      ...[classes.missing, classes.mayBeDeleted, classes.newer, classes.conflicting, classes.older, classes.same].map(
        String,
      ),
    ]),
  );
  const columns = ["INDEX", "MISSING", "(DELETED?)", "NEWER", "CONFLICTING", "OLDER", "SAME"];
  const samples = classifications
    .flatMap((one) => one.samples)
    .slice(0, SAMPLES_SHOWN)
    .map((sample) => [sample.class, `${sample.index}/${sample.id}`]);
  const absent = classifications.flatMap(({ absentIndices }) => absentIndices);
  const left = absent.filter((index) => !report.created.includes(index));
  return [
    section(`Compared with ${active}`, [columns, ...rows]),
    section("For example", samples),
    section(
      "It would create",
      report.created.map((index) => [index, "as the old primary had it; its aliases take no writes"]),
    ),
    section(
      `${active} lacks`,
      left.map((index) => [index, "it may have been deleted there: --include-maybe-deleted creates it again"]),
    ),
    `A replay would write ${count(report.attempted, "document")} to ${active}, none over anything newer.`,
    section("It would skip", skippedRows(report)),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

const SAMPLES_SHOWN = 40;

export function formatReplayReport(report: ReplayReport): string {
  const { written, present, changed, failed } = report.outcomes;
  return [
    section(
      "Created",
      report.created.map((index) => [index]),
    ),
    section("Replayed", [
      ["written", String(written)],
      ["already present", String(present)],
      ["changed in the meantime, skipped", String(changed)],
      ["failed", String(failed)],
    ]),
    section("Skipped", skippedRows(report)),
    section(
      "Failures",
      report.failures.map(({ index, id, reason }) => [id === "" ? index : `${index}/${id}`, reason]),
    ),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

const skipReasons = {
  settled: "replayed or already present in an earlier run",
  same: "identical in the active region",
  older: "the active region has a newer version",
  "not-chosen": "of a class that was not selected (--classes)",
  "may-be-deleted": "possibly deleted in the active region (--include-maybe-deleted)",
  "no-source": "exported without _source",
  "index-absent": "the index does not exist in the active region",
} as const satisfies Record<SkipReason, string>;

const skippedRows = ({ skipped }: ReplayReport): string[][] =>
  skipReasonNames.flatMap((reason) => (skipped[reason] === 0 ? [] : [[String(skipped[reason]), skipReasons[reason]]]));
