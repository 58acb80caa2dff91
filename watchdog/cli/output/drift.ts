import type { Difference, DriftItem, DriftReport } from "../../diagnostics/drift/compare.ts";
import { count, table } from "../../util/text.ts";

/** More would push the rest off the screen; `--json` has them all. */
const DIFFERENCES_SHOWN = 5;
const VALUE_LENGTH = 60;

export function formatDrift(report: DriftReport): string {
  const { active, standby, items, unread } = report;
  const rows = items.flatMap((item) => rowsOf(item, report));
  const total = `${count(items.length, "difference", "differences")} between ${active}, which is active, and ${standby}`;
  return [
    ...(rows.length === 0 ? [] : [table([["KIND", "NAME", "DIFFERENCE"], ...rows])]),
    ...unread.map(({ kind, region, reason }) => `Not compared: ${kind}: ${region}: ${reason}`),
    `${items.length === 0 ? "No differences" : total}.`,
  ].join("\n\n");
}

function rowsOf({ kind, name, state, differences }: DriftItem, { active, standby }: DriftReport): string[][] {
  switch (state) {
    case "missing":
      return [[kind, name, `only in ${active}`]];
    case "additional":
      return [[kind, name, `only in ${standby}`]];
    case "different": {
      const shown = differences.slice(0, DIFFERENCES_SHOWN).map((one) => sentenceOf(one, active, standby));
      const more = differences.length - shown.length;
      const lines = more > 0 ? [...shown, `and ${more} more`] : shown;
      return lines.map((line, position) => (position === 0 ? [kind, name, line] : ["", "", line]));
    }
    default:
      return state satisfies never;
  }
}

function sentenceOf({ path, active: ofActive, standby: ofStandby }: Difference, active: string, standby: string) {
  const values = `${valueText(ofActive)} in ${active}, ${valueText(ofStandby)} in ${standby}`;
  return path === "" ? values : `${path}: ${values}`;
}

function valueText(value: unknown): string {
  if (value === undefined) return "absent";
  const text = JSON.stringify(value);
  return text.length > VALUE_LENGTH ? `${text.slice(0, VALUE_LENGTH)}…` : text;
}
