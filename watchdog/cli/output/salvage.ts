import type { ReplayPreview, SalvageDetails, SalvageEntry } from "../../salvage/commands.ts";
import type { Receipt } from "../../salvage/receipt.ts";
import { totalOf } from "../../salvage/replay/classification.ts";
import { type SkipReason, skipReasonNames } from "../../salvage/replay/replay-plan.ts";
import type { ReplayReport } from "../../salvage/replay/report.ts";
import { count, section, size, table } from "../../util/text.ts";

export function formatList(entries: readonly SalvageEntry[]): string {
  if (entries.length === 0) return "This host has no exports: nothing has been salvaged here.";
  return table([["NAME", "STATE", "OPERATIONS", "SIZE", "SETTLED", "TAKEN"], ...entries.map(entryRow)]);
}

function entryRow({ name, state, settled }: SalvageEntry): string[] {
  switch (state.kind) {
    case "exported": {
      const { operations, finishedAt } = state.receipt;
      return [name, "exported", String(operations.count), size(operations.bytes), String(settled), finishedAt];
    }
    case "unfinished":
      return [name, "unfinished: it proves nothing"];
    case "unreadable":
      return [name, `unreadable: ${state.problem}`];
    default:
      return state satisfies never;
  }
}

export function formatDetails({ name, directory, state, settled, check, classification }: SalvageDetails): string {
  const integrity = check.valid ? "the file matches its receipt" : `INVALID: ${check.problem}`;
  const parts = [
    section(name, [
      ["directory", directory],
      ["integrity", integrity],
      ["settled", `${count(settled, "operation")} replayed or already present`],
    ]),
  ];
  if (state.kind === "exported") parts.push(...receiptSections(state.receipt));
  if (classification !== null) {
    const { missing, mayBeDeleted, newer, conflicting, older, same } = totalOf(classification);
    const rows = { missing, "of these possibly deleted": mayBeDeleted, newer, conflicting, older, same };
    parts.push(
      section(
        `Compared with ${classification.region} at ${classification.takenAt}`,
        Object.entries(rows).map(([name_, n]) => [name_, String(n)]),
      ),
    );
  }
  return parts.join("\n\n");
}

function receiptSections({ region, newRegion, epoch, operations, indices, leftOut, limits }: Receipt): string[] {
  const rows = indices.map(({ index, shards }) => {
    const sum = (of: (shard: (typeof shards)[number]) => number) =>
      String(shards.reduce((n, shard) => n + of(shard), 0));
    return [index, sum(({ exported }) => exported), sum(({ invisible }) => invisible), sum((s) => s.withoutSource)];
  });
  return [
    section("Receipt", [
      ["from", `${region}, replaced by ${newRegion} as active region (epoch ${epoch})`],
      ["operations", `${operations.count}, ${size(operations.bytes)} in ${operations.file}`],
      ["sha256", operations.sha256],
    ]),
    section("Indices", [["INDEX", "EXPORTED", "NOT READABLE", "WITHOUT SOURCE"], ...rows]),
    section(
      "Left out",
      leftOut.map(({ index, reason }) => [index, reason]),
    ),
    section(
      "Not in the export",
      limits.map((limit) => ["-", limit]),
    ),
  ].filter((part) => part !== "");
}

/** @param active the region that a replay would write to */
export function formatReplayPreview({ classification, report }: ReplayPreview, active: string): string {
  const rows = classification.counts.map(({ index, classes }) => [
    index,
    ...[classes.missing, classes.mayBeDeleted, classes.newer, classes.conflicting, classes.older, classes.same].map(
      String,
    ),
  ]);
  const columns = ["INDEX", "MISSING", "(DELETED?)", "NEWER", "CONFLICTING", "OLDER", "SAME"];
  const samples = classification.samples.map((sample) => [sample.class, `${sample.index}/${sample.id}`]);
  return [
    section(`Compared with ${active}`, [columns, ...rows]),
    section("For example", samples),
    `A replay would write ${count(report.attempted, "document")} to ${active}, none over anything newer.`,
    section("It would skip", skippedRows(report)),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

export function formatReplayReport(report: ReplayReport): string {
  const { written, present, changed, failed } = report.outcomes;
  return [
    section("Replayed", [
      ["written", String(written)],
      ["already present", String(present)],
      ["changed in the meantime, skipped", String(changed)],
      ["failed", String(failed)],
    ]),
    section("Skipped", skippedRows(report)),
    section(
      "Failures",
      report.failures.map(({ index, id, reason }) => [`${index}/${id}`, reason]),
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
