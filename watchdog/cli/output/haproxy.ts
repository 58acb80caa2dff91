import type { FindingKind, RoutingFinding } from "../../adapters/haproxy/check/finding.ts";
import { table } from "../../util/text.ts";

const labels: Readonly<Record<FindingKind, string>> = { around: "GOES AROUND", broken: "CLOSED", advice: "advice" };

export function formatRouting(findings: readonly RoutingFinding[], files: readonly string[]): string {
  const rows = findings.map(({ kind, where, what }) => [labels[kind], where, what]);
  const around = findings.filter(({ kind }) => kind === "around").length;
  const broken = findings.filter(({ kind }) => kind === "broken").length;
  const verdict =
    around + broken === 0
      ? `No frontend of ${files.join(" ")} goes around the routing ticket.`
      : `${around} of these go around the routing ticket: a region that may no longer take writes would get some from here. ` +
        `${broken} would leave an entry closed.`;
  return [...(rows.length === 0 ? [] : [table(rows)]), verdict].join("\n\n");
}
