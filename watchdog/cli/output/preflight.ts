import type { Check } from "../../diagnostics/preflight/check.ts";
import { count, table } from "../../util/text.ts";

export function formatChecks(checks: readonly Check[]): string {
  const rows = checks.map(({ check, verdict, found }) => [
    verdict === "ok" ? "ok" : verdict.toUpperCase(),
    check,
    found,
  ]);
  const advice = checks.flatMap(({ check, advice: text }) => (text === null ? [] : [["  -", `${check}:`, text]]));
  const failed = checks.filter(({ verdict }) => verdict === "fail").length;
  const warned = checks.filter(({ verdict }) => verdict === "warn").length;
  return [
    table([["", "CHECK", "FOUND"], ...rows]),
    ...(advice.length === 0 ? [] : [`What to do:\n${table(advice)}`]),
    `${count(checks.length, "check")}: ${failed} failed, ${count(warned, "warning")}.`,
  ].join("\n\n");
}
