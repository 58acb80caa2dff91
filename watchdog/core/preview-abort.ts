import type { WatchdogConfig } from "../config/schema.ts";
import { decideStep } from "./forecast.ts";
import type { KnownSituation } from "./preview.ts";
import { type AbortCommand, applyCommand, type CommandOrigin } from "./requests.ts";

/** What an abort would do if an operator asked for it now. Nothing is changed. */
export interface AbortPreview {
  /** begins: it would take effect at once; waits: no rule would handle it yet; refused: with reasons. */
  readonly verdict: "begins" | "waits" | "refused";
  /** The region that would serve again; empty when no change is under way. */
  readonly from: string;
  readonly to: string;
  /** Why it is refused, or what it would do. */
  readonly reasons: readonly string[];
}

/** Puts the request into a copy of the record and lets the rules decide, as the controller would. */
export function previewAbort(
  { record, seen, nowMs }: KnownSituation,
  command: AbortCommand,
  asked: CommandOrigin,
  config: WatchdogConfig,
): AbortPreview {
  const regions = record === null || record.phase === "serving" ? { from: "", to: "" } : record;
  const { from, to } = regions;
  const applied = applyCommand(record, command, asked, { regions: Object.keys(config.regions), silence: {} });
  if (!applied.accepted) return { from, to, verdict: "refused", reasons: applied.reasons };
  const leadership = { leading: true, leader: config.name, error: null };
  const { step } = decideStep(applied.record, { ...seen, leadership }, nowMs, config);
  const { rule, explanation } = step;
  const verdict = rule === "change-aborted" ? "begins" : rule === "refuse-abort" ? "refused" : "waits";
  return { from, to, verdict, reasons: [explanation] };
}
