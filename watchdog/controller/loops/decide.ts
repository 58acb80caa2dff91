import type { StoredRecord, Written } from "../../core/ports/store.ts";
import { decide, type Ruling } from "../../core/rules/decide.ts";
import type { Action } from "../../core/rules/rule.ts";
import type { RuleId } from "../../core/rules/table.ts";
import { currentStep } from "../../core/state/plan.ts";
import { messageOf } from "../../util/errors.ts";
import type { WatchdogContext } from "../context.ts";
import type { PlanExecutor } from "./execute.ts";
import { observeActive, observeStandby, observeWithoutRecord } from "./observe.ts";

/** Comes and goes while nothing happens; not worth a line of its own. */
const BOOKKEEPING: RuleId = "in-sync-noted";

/** Writes in a row in one round: a record that changes this often without coming to rest is left to the next round. */
const CHANGES_PER_ROUND = 8;

/**
 * One round: read, look, decide, compare-and-swap, act; again at once while the record changes, on top of what was
 * written.
 */
export async function decideOnce(context: WatchdogContext, executor: PlanExecutor): Promise<void> {
  let stored = await readStore(context);
  for (let change = 0; change < CHANGES_PER_ROUND; change += 1) {
    await lookBeforeDeciding(context);
    const { observed, clock, config, selfCheck } = context;
    const nowMs = clock.nowMs();
    const ruling = decide(observed.record, observed.observations(selfCheck.blockers(), clock), nowMs, config);
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
    for (const action of ruling.actions) act(action, stored, executor);
    if (!isChange) return;
    context.wakeRoute.trigger();
  }
}

function act({ kind }: Action, stored: StoredRecord | null, executor: PlanExecutor): void {
  switch (kind) {
    case "carry-out-plan":
      if (stored !== null) executor.start(stored);
      return;
    case "keep-replication":
      // The keeper's own loop does this for as long as the newest ruling asks for it.
      return;
    default:
      throw new Error(`unknown action ${kind satisfies never}`);
  }
}

async function readStore(context: WatchdogContext): Promise<StoredRecord | null> {
  const { store, observed, saveCopy, clock, wakeCoordinate, wakeRoute } = context;
  try {
    const stored = await store.read();
    if (observed.storeError !== null) wakeCoordinate.trigger();
    // Another watchdog has changed who may accept writes: this one's router need not wait for its next renewal.
    if (stored?.record.epoch !== observed.record?.epoch) wakeRoute.trigger();
    observed.adoptRecord(stored?.record ?? null, clock.monotonicMs());
    bindNewcomer(context);
    if (stored !== null) await saveCopy(stored.record);
    return stored;
  } catch (error) {
    observed.storeError = messageOf(error);
    return null;
  }
}

/**
 * A watchdog that the record does not list is not asked in failsafe. Once it is listed, every router has learned of it or
 * closed after two lease times: one for what it knew before, one for what it did by that.
 */
function bindNewcomer({ observed, clock, config, peers }: WatchdogContext): void {
  const { record } = observed;
  if (peers === null || record === null || record.watchdogs.some(({ name }) => name === config.name)) return;
  observed.extendFailsafeGrant(clock.monotonicMs() + 2 * config.leases.ttlMs);
}

/** What a decision in this phase must not take from an old look. */
async function lookBeforeDeciding(context: WatchdogContext): Promise<void> {
  const { observed, store } = context;
  if (observed.storeError !== null) return;
  if (context.actionBlockers().length > 0) {
    observed.routers = null;
    return;
  }
  if (observed.record === null) observed.initialSnapshots = await observeWithoutRecord(context);
  await lookAnew(context);
  try {
    // After the record was read: a router takes its lease before it reads, so none that read an older one is missed.
    observed.routers = await store.routerLeases();
  } catch (error) {
    observed.routers = null;
    observed.storeError = messageOf(error);
  }
}

/** A change is planned from what is there now, and a region that was mended is not mended again for an old look. */
async function lookAnew(context: WatchdogContext): Promise<void> {
  const { record } = context.observed;
  const isWanted = record?.phase === "serving" && record.request !== null;
  const isMended = record?.phase === "serving" && record.plan?.kind === "repair" && currentStep(record.plan) === null;
  if (record?.phase === "closing" || isWanted || isMended) {
    // A look that fails leaves the old one, whose age the rules consider.
    await observeActive(context).catch(() => undefined);
  }
  // After the leader, with which the standby is compared.
  if (record?.phase === "closing" || isWanted) await observeStandby(context);
}

/** The record as written; null when somebody else wrote first, or the store refused. */
async function writeStore(
  context: WatchdogContext,
  stored: StoredRecord | null,
  ruling: Ruling,
): Promise<StoredRecord | null> {
  const { store, clock, config, observed, saveCopy, log } = context;
  const { record, rule, explanation } = ruling;
  if (record === null || context.actionBlockers().length > 0) return null;
  const before = observed.record;
  if (before !== null && record.epoch < before.epoch) {
    throw new Error(`rule ${rule} would take the record from epoch ${before.epoch} back to ${record.epoch}: refused`);
  }
  const entry = { atMs: clock.nowMs(), epoch: record.epoch, rule, explanation, watchdog: config.name };
  let written: Written | "conflict";
  try {
    written = await store.write(record, stored?.revision ?? null, entry);
  } catch (error) {
    observed.storeError = messageOf(error);
    log.error(
      { event: "store-error", error: messageOf(error) },
      `the store did not take the record: ${messageOf(error)}`,
    );
    return null;
  }
  if (written === "conflict") return null;
  await saveCopy(record);
  observed.adoptRecord(record, clock.monotonicMs());
  return { record, revision: written.revision };
}

function announce({ observed, log }: WatchdogContext, ruling: Ruling, atMs: number): void {
  const last = observed.ruling;
  const isChange = last === null || last.rule !== ruling.rule || last.record?.epoch !== ruling.record?.epoch;
  const isNews = isChange && last?.rule !== BOOKKEEPING && ruling.rule !== BOOKKEEPING;
  const { record, rule, explanation } = ruling;
  const fields = { event: "rule", rule, epoch: record?.epoch ?? null, phase: record?.phase ?? null };
  log[isNews ? "info" : "debug"](fields, explanation);
  observed.addDecision(ruling, atMs);
}
