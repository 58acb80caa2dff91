import { currentStep } from "../../core/plans/promotion.ts";
import type { StoredRecord, Written } from "../../core/ports.ts";
import { type Action, decide, type RuleId, type Ruling } from "../../core/rules/table.ts";
import { messageOf } from "../../util/errors.ts";
import type { Workings } from "../context.ts";
import type { PlanExecutor } from "./execute.ts";
import { lookAtLeader, lookAtStandby, lookForFollowers } from "./observe.ts";

/** Comes and goes while nothing happens; not worth a line of its own. */
const BOOKKEEPING: RuleId = "in-sync-noted";

/** Writes in a row in one round: a record that changes this often without coming to rest is left to the next round. */
const CHANGES_PER_ROUND = 8;

/**
 * One round: read, look, decide, compare-and-swap, act; again at once while the record changes, on top of what was
 * written.
 */
export async function decideOnce(workings: Workings, executor: PlanExecutor): Promise<void> {
  let stored = await readStore(workings);
  for (let change = 0; change < CHANGES_PER_ROUND; change += 1) {
    await lookBeforeDeciding(workings);
    const { knowledge, clock, config, self } = workings;
    const nowMs = clock.nowMs();
    const ruling = decide(knowledge.record, knowledge.observations(self.doubts(), clock), nowMs, config);
    const isChange = ruling.record !== knowledge.record;
    if (isChange) {
      const written = await writeStore(workings, stored, ruling);
      if (written === null) {
        stored = await readStore(workings);
        continue;
      }
      stored = written;
    }
    announce(workings, ruling, nowMs);
    for (const action of ruling.actions) act(action, stored, executor);
    if (!isChange) return;
    workings.route.ring();
  }
}

function act({ kind }: Action, stored: StoredRecord | null, executor: PlanExecutor): void {
  switch (kind) {
    case "carry-out-plan":
      if (stored !== null) executor.carryOn(stored);
      return;
    case "keep-replication":
      // The keeper's own loop does this for as long as the newest ruling asks for it.
      return;
    default:
      throw new Error(`unknown action ${kind satisfies never}`);
  }
}

async function readStore(workings: Workings): Promise<StoredRecord | null> {
  const { store, knowledge, keepCopy, clock, coordinate, route } = workings;
  try {
    const stored = await store.read();
    if (knowledge.storeError !== null) coordinate.ring();
    // Another watchdog has changed who may accept writes: this one's router need not wait for its next renewal.
    if (stored?.record.epoch !== knowledge.record?.epoch) route.ring();
    knowledge.learnRecord(stored?.record ?? null, clock.monotonicMs());
    bindNewcomer(workings);
    if (stored !== null) await keepCopy(stored.record);
    return stored;
  } catch (error) {
    knowledge.storeError = messageOf(error);
    return null;
  }
}

/**
 * A watchdog that the record does not list is not asked in failsafe. Once it is listed, every router has learned of it or
 * closed after two lease times: one for what it knew before, one for what it did by that.
 */
function bindNewcomer({ knowledge, clock, config, peers }: Workings): void {
  const { record } = knowledge;
  if (peers === null || record === null || record.watchdogs.some(({ name }) => name === config.name)) return;
  knowledge.promise(clock.monotonicMs() + 2 * config.leases.ttlMs);
}

/** What a decision in this phase must not take from an old look. */
async function lookBeforeDeciding(workings: Workings): Promise<void> {
  const { knowledge, store } = workings;
  if (knowledge.storeError !== null) return;
  if (workings.reasonsNotToAct().length > 0) {
    knowledge.routers = null;
    return;
  }
  if (knowledge.record === null) knowledge.firstLooks = await lookForFollowers(workings);
  await lookAnew(workings);
  try {
    // After the record was read: a router takes its lease before it reads, so none that read an older one is missed.
    knowledge.routers = await store.routerLeases();
  } catch (error) {
    knowledge.routers = null;
    knowledge.storeError = messageOf(error);
  }
}

/** A change is planned from what is there now, and a region that was mended is not mended again for an old look. */
async function lookAnew(workings: Workings): Promise<void> {
  const { record } = workings.knowledge;
  const isWanted = record?.phase === "serving" && record.request !== null;
  const isMended = record?.phase === "serving" && record.plan?.kind === "repair" && currentStep(record.plan) === null;
  if (record?.phase === "closing" || isWanted || isMended) {
    // A look that fails leaves the old one, whose age the rules consider.
    await lookAtLeader(workings).catch(() => undefined);
  }
  // After the leader, with which the standby is compared.
  if (record?.phase === "closing" || isWanted) await lookAtStandby(workings);
}

/** The record as written; null when somebody else wrote first, or the store refused. */
async function writeStore(
  workings: Workings,
  stored: StoredRecord | null,
  ruling: Ruling,
): Promise<StoredRecord | null> {
  const { store, clock, config, knowledge, keepCopy, log } = workings;
  const { record, rule, explanation } = ruling;
  if (record === null || workings.reasonsNotToAct().length > 0) return null;
  const before = knowledge.record;
  if (before !== null && record.epoch < before.epoch) {
    throw new Error(`rule ${rule} would take the record from epoch ${before.epoch} back to ${record.epoch}: refused`);
  }
  const entry = { atMs: clock.nowMs(), epoch: record.epoch, rule, explanation, watchdog: config.name };
  let written: Written | "conflict";
  try {
    written = await store.write(record, stored?.revision ?? null, entry);
  } catch (error) {
    knowledge.storeError = messageOf(error);
    log.error(
      { event: "store-error", error: messageOf(error) },
      `the store did not take the record: ${messageOf(error)}`,
    );
    return null;
  }
  if (written === "conflict") return null;
  await keepCopy(record);
  knowledge.learnRecord(record, clock.monotonicMs());
  return { record, revision: written.revision };
}

function announce({ knowledge, log }: Workings, ruling: Ruling, atMs: number): void {
  const last = knowledge.ruling;
  const isChange = last === null || last.rule !== ruling.rule || last.record?.epoch !== ruling.record?.epoch;
  const isNews = isChange && last?.rule !== BOOKKEEPING && ruling.rule !== BOOKKEEPING;
  const { record, rule, explanation } = ruling;
  const fields = { event: "rule", rule, epoch: record?.epoch ?? null, phase: record?.phase ?? null };
  log[isNews ? "info" : "debug"](fields, explanation);
  knowledge.note(ruling, atMs);
}
