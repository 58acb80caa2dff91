import type { StoredRecord, Written } from "../../core/ports/store.ts";
import { decide, type Ruling } from "../../core/rules/decide.ts";
import type { Action } from "../../core/rules/rule.ts";
import type { RuleId } from "../../core/rules/table.ts";
import { currentStep } from "../../core/state/plan.ts";
import { messageOf } from "../../util/errors.ts";
import type { Components } from "../components.ts";
import type { WatchdogContext } from "../context.ts";
import { observationsNow } from "../observations.ts";
import { takeFirstSnapshots } from "./first-snapshots.ts";
import { observeActive } from "./observe-active.ts";
import { observeStandby } from "./observe-standby.ts";

/** They recur while nothing happens, or with each new index, so they are logged at level debug. */
const bookkeeping: ReadonlySet<RuleId | undefined> = new Set(["in-sync-noted", "first-copies-noted"]);

/** Bound on the writes of one round. The next round continues a record that keeps changing. */
const CHANGES_PER_ROUND = 8;

type Actors = Pick<Components, "executor" | "hooks">;

/**
 * One round: read the store, observe, decide, compare-and-swap, act; repeated on top of what was written while the record
 * changes.
 */
export async function decideOnce(context: WatchdogContext, actors: Actors): Promise<void> {
  let stored = await readStore(context);
  for (let change = 0; change < CHANGES_PER_ROUND; change += 1) {
    await refreshObservations(context);
    const { observed, clock, config } = context;
    const nowMs = clock.nowMs();
    const ruling = decide(observed.record, observationsNow(context), nowMs, config);
    const isChange = ruling.record !== observed.record;
    if (isChange) {
      const written = await writeStore(context, stored, ruling);
      if (written === null) {
        stored = await readStore(context);
        continue;
      }
      stored = written;
    }
    announce(context, ruling, nowMs);
    for (const action of ruling.actions) act(action, stored, actors);
    if (!isChange) return;
    context.wakeRoute.trigger();
  }
}

function act(action: Action, stored: StoredRecord | null, { executor, hooks }: Actors): void {
  switch (action.kind) {
    case "carry-out-plan":
      if (stored !== null) executor.start(stored);
      return;
    case "keep-replication":
      // The loop "replicate" does this for as long as the latest ruling asks for it.
      return;
    case "run-hooks":
      hooks.start(action.run);
      return;
    default:
      throw new Error(`unknown action in ${JSON.stringify(action satisfies never)}`);
  }
}

async function readStore(context: WatchdogContext): Promise<StoredRecord | null> {
  const { store, observed, clock, wakeCoordinate, wakeRoute } = context;
  try {
    const stored = await store.read();
    if (observed.storeError !== null) wakeCoordinate.trigger();
    // Another watchdog has changed who may accept writes: the router must not wait for its next renewal.
    if (stored?.record.epoch !== observed.record?.epoch) wakeRoute.trigger();
    observed.adoptRecord(stored?.record ?? null, clock.monotonicMs());
    extendGrantOfNewcomer(context);
    if (stored !== null) await context.saveCopy(stored.record);
    return stored;
  } catch (error) {
    observed.storeError = messageOf(error);
    return null;
  }
}

/**
 * Failsafe does not ask a watchdog that the record does not list. Once it is listed, every router knows it or has closed
 * after two lease times: one for what the router knew before, one for the grants that it obtained by that.
 */
function extendGrantOfNewcomer({ observed, clock, config, peers }: WatchdogContext): void {
  const { record } = observed;
  if (peers === null || record === null || record.watchdogs.some(({ name }) => name === config.name)) return;
  observed.extendFailsafeGrant(clock.monotonicMs() + 2 * config.leases.ttlMs);
}

/** Refreshes what a decision in this phase must not take from an old observation. */
async function refreshObservations(context: WatchdogContext): Promise<void> {
  const { observed, store } = context;
  if (observed.storeError !== null) return;
  if (context.actionBlockers().length > 0) {
    observed.routers = null;
    return;
  }
  if (observed.record === null) observed.firstSnapshots = await takeFirstSnapshots(context);
  await refreshSnapshots(context);
  try {
    // After the record was read: a router takes its lease before it reads, so none that read an older one is missed.
    observed.routers = await store.routerLeases();
  } catch (error) {
    observed.routers = null;
    observed.storeError = messageOf(error);
  }
}

/** A change is planned from the present state, and a finished repair is not repeated because of an old snapshot. */
async function refreshSnapshots(context: WatchdogContext): Promise<void> {
  const { record } = context.observed;
  const isRequested = record?.phase === "serving" && record.request !== null;
  const isRepaired = record?.phase === "serving" && record.plan?.kind === "repair" && currentStep(record.plan) === null;
  if (record?.phase === "closing" || isRequested || isRepaired) {
    // On failure the old snapshot stays; the rules consider its age.
    await observeActive(context).catch(() => undefined);
  }
  // After the active region, with which the standby is compared.
  if (record?.phase === "closing" || isRequested) await observeStandby(context);
}

/** The record as written; null on a conflict, or when the store does not take it. */
async function writeStore(
  context: WatchdogContext,
  stored: StoredRecord | null,
  ruling: Ruling,
): Promise<StoredRecord | null> {
  const { store, clock, config, observed, log } = context;
  const { record, rule, explanation } = ruling;
  if (record === null || context.actionBlockers().length > 0) return null;
  const before = observed.record;
  if (before !== null && record.epoch < before.epoch) {
    throw new Error(`rule ${rule} would lower the record's epoch from ${before.epoch} to ${record.epoch}: refused`);
  }
  const entry = { atMs: clock.nowMs(), epoch: record.epoch, rule, explanation, watchdog: config.name };
  let written: Written | "conflict";
  try {
    written = await store.write(record, stored?.revision ?? null, entry);
  } catch (error) {
    const message = messageOf(error);
    observed.storeError = message;
    observed.noteStoreWrite(error);
    log.error({ event: "store-error", error: message }, `the record was not written to the store: ${message}`);
    return null;
  }
  if (written === "conflict") return null;
  await context.saveCopy(record);
  observed.adoptRecord(record, clock.monotonicMs());
  return { record, revision: written.revision };
}

function announce({ decisions, log }: WatchdogContext, ruling: Ruling, atMs: number): void {
  const last = decisions.latest;
  const isChange = last === null || last.rule !== ruling.rule || last.record?.epoch !== ruling.record?.epoch;
  const isNews = isChange && !bookkeeping.has(last?.rule) && !bookkeeping.has(ruling.rule);
  const { record, rule, explanation } = ruling;
  const fields = { event: "rule" as const, rule, epoch: record?.epoch ?? null, phase: record?.phase ?? null };
  log[isNews ? "info" : "debug"](fields, explanation);
  decisions.add(ruling, atMs);
}
