import type { Entry } from "../../core/ports/entry.ts";
import { type CanaryAnswer, canaryProblem, observeCanary } from "../../core/state/canary.ts";
import type { StateRecord } from "../../core/state/record.ts";
import { within } from "../../util/concurrency.ts";
import { messageOf } from "../../util/errors.ts";
import type { WatchdogContext } from "../context.ts";
import type { RouterReport } from "../status.ts";

/** Beyond the adapter's own bound. */
const SLACK_MS = 1_000;

/**
 * Sends one canary through the entry of this host, if that is open to the active region. Every watchdog beside a router
 * does: a refusal by one region is seen at both entries, and what is wrong with one entry alone moves no region.
 */
export async function sendCanary(
  context: WatchdogContext,
  entry: Entry,
  ticket: () => RouterReport["ticket"],
): Promise<void> {
  const { observed, config, clock, log } = context;
  const opened = openTo(observed.record, ticket(), clock.nowMs());
  if (opened === null) return;
  const atMs = clock.nowMs();
  const beganMs = clock.monotonicMs();
  const token = `${config.name} ${opened.epoch} ${atMs}`;
  const { timeoutMs } = config.canary;
  const answer = await within(
    clock,
    timeoutMs + SLACK_MS,
    "the canary",
    entry.canary({ region: opened.region, token }),
  ).catch(
    (error: unknown): CanaryAnswer => ({ kind: "failed", cause: "timeout", error: messageOf(error), region: null }),
  );
  const durationMs = clock.monotonicMs() - beganMs;
  // A router that closed meanwhile, as for a change, explains every failure.
  const open = openTo(observed.record, ticket(), clock.nowMs());
  if (open?.epoch !== opened.epoch) return;
  const now = { record: observed.record, nowMs: clock.nowMs() };
  const before = canaryProblem(observed.canary, now, config);
  const known = observed.canary;
  observed.canary = observeCanary(known, answer, { ...opened, atMs: now.nowMs }, config.canary);
  if (observed.canary !== null && observed.canary !== known) {
    observed.activity.noteCanary(observed.canary, durationMs);
  }
  const after = canaryProblem(observed.canary, now, config);
  const fields = { event: "canary" as const, region: opened.region, cause: observed.canary?.cause ?? null };
  if (after !== null && before === null) log.warn(fields, `${opened.region}: ${after}`);
  if (after === null && before !== null) log.info(fields, `${opened.region} accepts writes through the entry again`);
}

/** The active region, and the epoch, while the router's ticket is for it. */
function openTo(record: StateRecord | null, ticket: RouterReport["ticket"], nowMs: number) {
  if (record?.phase !== "serving" || ticket === null) return null;
  const isOpen = ticket.epoch === record.epoch && ticket.region === record.active && ticket.validUntilMs > nowMs;
  return isOpen ? { region: record.active, epoch: record.epoch } : null;
}
