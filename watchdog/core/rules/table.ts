import { isDeepStrictEqual } from "node:util";
import { describeStep } from "../plans/describe-step.ts";
import { planPromotion } from "../plans/promotion.ts";
import { planSwitchover } from "../plans/switchover.ts";
import type { Plan } from "../state/plan.ts";
import { currentStep } from "../state/plan.ts";
import type { ClosingRecord, PromotingRecord, ServingRecord, StateRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import {
  calledOff,
  closing,
  filledAt,
  firstRecord,
  noted,
  promoted,
  promoting,
  turnedBack,
} from "../state/transitions.ts";
import {
  activeUnhealthy,
  activeWell,
  anyOf,
  changeIs,
  comparisonBlocker,
  not,
  notInBlockPeriod,
  notPaused,
  oneRouter,
  planIs,
  routersClosed,
  standbyHealthy,
  standbyHoldsNothingOfItsOwn,
  standbyInSync,
  standbyOf,
  standbyPromotable,
  standbyStateIs,
  standbyWasPrimary,
  switchoverHopeless,
  turningBackUndecided,
} from "./conditions.ts";
import { majorityKnows, majorityPresent, majoritySees } from "./majority.ts";
import { operatorRules } from "./operator-rules.ts";
import { type Condition, everyPhase, type Rule, type RuleId, rule, unchanged } from "./rule.ts";
import { emptiedBlocker, promotableBlocker } from "./standby.ts";
import { failbackRules, planRules } from "./upkeep-rules.ts";

/** Those that have made themselves known and do not stand in the record as they are now. */
const newcomers = ({ record, seen }: Situation<ServingRecord>) =>
  seen.known.filter((known) => !record.watchdogs.some((listed) => isDeepStrictEqual(listed, known)));

// --- the table ------------------------------------------------------------------------------------------------------

/** A refusal: the active region is lost, and one condition of `failover` does not hold. */
function refusal(id: RuleId, purpose: string, condition: Condition<ServingRecord>): Rule {
  return rule(id, ["serving"], purpose, [activeUnhealthy, not(condition, "this is not what stands in the way")], (s) =>
    unchanged(s.record, `${s.record.active} is unhealthy, but nothing is done: ${condition(s)}`),
  );
}

/**
 * Every decision, in order; the first rule that holds decides. Ids are stable: they stand in logs, history and metrics.
 * Each transition that stops or allows writes raises the epoch; nothing is promoted but from `closing` (closing-first),
 * and not before every router has acknowledged or lost its lease (ack-or-lease).
 */
export const rules: readonly Rule[] = [
  rule(
    "store-unreachable",
    everyPhase,
    "Without the store nobody decides anything.",
    [({ seen }) => (seen.store.reachable ? "the store answers" : null)],
    (s) => unchanged(s.record, `the store does not answer (${s.seen.store.error}): nothing is decided`),
  ),
  rule(
    "self-doubt",
    everyPhase,
    "A watchdog that cannot trust itself takes no action.",
    [({ seen }) => (seen.selfDoubt.length > 0 ? null : "this watchdog trusts itself")],
    (s) => unchanged(s.record, `this watchdog does not trust itself: ${s.seen.selfDoubt.join("; ")}`),
  ),
  rule(
    "not-leading",
    everyPhase,
    "Several watchdogs, one decision: only the one that leads decides.",
    [({ seen }) => (seen.leadership.leading ? "this watchdog leads" : null)],
    (s) => {
      const { leader, error } = s.seen.leadership;
      const who = leader === null ? "nobody leads yet" : `${leader} decides`;
      return unchanged(s.record, `${who}; this watchdog observes${error === null ? "" : ` (${error})`}`);
    },
  ),
  rule(
    "fill-store-from-copy",
    everyPhase,
    "A store that is empty or was set back is filled from the newest copy any watchdog has.",
    [
      ({ record, seen }) => {
        if (seen.newestCopy === null) return "no watchdog has a copy";
        return seen.newestCopy.epoch > (record?.epoch ?? 0) ? null : "the store is as new as the copies";
      },
      majorityPresent,
    ],
    ({ record, seen, nowMs, config }) => {
      const copy = seen.newestCopy;
      if (copy === null) throw new Error("fill-store-from-copy without a copy");
      return {
        record: noted(copy, { filledAtMs: filledAt(config, nowMs) }),
        actions: [],
        explanation: `the store ${record === null ? "is empty" : `is at epoch ${record.epoch}`}: filled from a copy of epoch ${copy.epoch}`,
      };
    },
  ),
  rule(
    "filled-store-settles",
    everyPhase,
    "One lease time to live after the store was filled every ticket from before has run out.",
    [
      ({ seen, config }) => {
        if (seen.filledKnownForMs === null) return "the store was not filled from a copy";
        const leftMs = config.leases.ttlMs - seen.filledKnownForMs;
        return leftMs <= 0 ? null : `tickets from before may still count for ${leftMs} ms`;
      },
    ],
    ({ record }) => ({
      record: record === null ? null : noted<StateRecord>(record, { filledAtMs: null }),
      actions: [],
      explanation: "every ticket from before the store was filled has run out",
    }),
  ),
  rule(
    "first-primary",
    ["none"],
    "Where there was never a record, the configured first primary becomes active, unless it is a follower.",
    [
      majorityPresent,
      ({ seen }) =>
        seen.copyError === null ? null : `the copy of the record on this host cannot be read: ${seen.copyError}`,
      ({ seen, config }) => {
        const look = seen.firstLooks.find(({ region }) => region === config.firstPrimary);
        if (look === undefined)
          return `${config.firstPrimary} has not answered yet, so it might be somebody's follower`;
        return look.following.length === 0
          ? null
          : `${config.firstPrimary} holds followers (${look.following.slice(0, 3).join(", ")}), so the other region is the primary`;
      },
    ],
    (s) => ({
      record: firstRecord(s),
      actions: [],
      explanation: `no record anywhere: ${s.config.firstPrimary} becomes active`,
    }),
  ),
  rule("no-record", ["none"], "Without a record nothing is routed.", [], (s) =>
    unchanged(
      s.record,
      `no record yet, and ${s.config.firstPrimary} does not become active by itself: ${firstPrimaryFault(s)}`,
    ),
  ),

  rule(
    "promotion-done",
    ["promoting"],
    "Once every step is done and verified, the new region is opened.",
    [planIs("promotion", "switchover"), ({ record }) => stepPending(record)],
    (s) => ({
      record: promoted(s.record, s.nowMs),
      actions: [],
      explanation: `${s.record.to} is promoted and verified: it accepts writes from epoch ${s.record.epoch + 1} on`,
    }),
  ),
  rule(
    "promotion-undone",
    ["promoting"],
    "If the new region is lost before it was opened, and the old one is well, the change is undone: nobody wrote to it.",
    [
      planIs("promotion"),
      (s) => majoritySees(s, s.record.to, "unhealthy"),
      (s) => majoritySees(s, s.record.from, "healthy"),
    ],
    (s) => ({
      record: calledOff(
        s.record,
        `promotion of ${s.record.to} undone: it became unhealthy before it was opened`,
        s.nowMs,
      ),
      actions: [],
      explanation: `${s.record.to} became unhealthy, ${s.record.from} is well again: back to ${s.record.from}`,
    }),
  ),
  rule(
    "switchover-undone",
    ["promoting"],
    "A switchover that turned back ends when the old region accepts writes again, or is lost itself.",
    [
      planIs("undo"),
      anyOf<PromotingRecord>(
        ({ record }) => stepPending(record),
        (s) => majoritySees(s, s.record.from, "unhealthy"),
      ),
    ],
    (s) => ({
      record: calledOff(s.record, `switchover to ${s.record.to} undone: it lost nothing`, s.nowMs),
      actions: [],
      explanation: `nothing was written to ${s.record.to}: back to ${s.record.from}`,
    }),
  ),
  rule(
    "switchover-given-up",
    ["promoting"],
    "A switchover turns back when writers have waited too long, or a region that it needs is lost.",
    [planIs("switchover"), switchoverHopeless],
    (s) => ({
      record: turnedBack(s.record, s.nowMs),
      actions: [{ kind: "carry-out-plan" }],
      explanation: `switchover to ${s.record.to} given up: ${trouble(s)}`,
    }),
  ),
  rule(
    "promotion-waits",
    ["promoting"],
    "A promotion whose region does not answer waits for it; an overdue switchover, until it is clear whether it turns back.",
    [
      planIs("promotion", "switchover"),
      anyOf<PromotingRecord>((s) => majoritySees(s, s.record.to, "unhealthy"), turningBackUndecided),
    ],
    (s) => {
      const { from, to } = s.record;
      const region = turningBackUndecided(s) === null ? from : to;
      return unchanged(s.record, `the promotion of ${to} waits: ${region} is ${s.seen.health[region]?.reason}`);
    },
  ),
  rule("promotion-goes-on", ["promoting"], "A promotion under way is carried on, by whoever decides now.", [], (s) => {
    const step = currentStep(s.record.plan);
    const failed = step?.error ? `; last attempt failed: ${step.error}` : "";
    const doing = s.record.plan.kind === "undo" ? `going back to ${s.record.from}` : `promoting ${s.record.to}`;
    return unchanged(s.record, `${doing}: ${step === null ? "done" : describeStep(step)}${failed}`, "carry-out-plan");
  }),

  rule(
    "closing-called-off",
    ["closing"],
    "If the old region is healthy again before anything was promoted, it goes on.",
    [
      changeIs("failover"),
      ({ record }) => (record.automatic ? null : "an operator asked for it"),
      (s) => majoritySees(s, s.record.from, "healthy"),
    ],
    (s) => ({
      record: calledOff(s.record, `failover called off: ${s.record.from} is healthy again`, s.nowMs),
      actions: [],
      explanation: `${s.record.from} is healthy again and nothing was promoted: it goes on`,
    }),
  ),
  rule(
    "switchover-called-off",
    ["closing"],
    "A switchover that a region is lost for, or that takes too long, is called off: nothing was touched yet.",
    [changeIs("switchover"), switchoverHopeless],
    (s) => ({
      record: calledOff(s.record, `switchover to ${s.record.to} called off: ${trouble(s)}`, s.nowMs),
      actions: [],
      explanation: `switchover to ${s.record.to} called off: ${trouble(s)}`,
    }),
  ),
  rule(
    "begin-promotion",
    ["closing"],
    "Promotion begins once no router can reach the old region any more.",
    [
      routersClosed,
      majorityKnows,
      (s) => majoritySees(s, s.record.to, "healthy"),
      (s) => promotableBlocker(s, s.record.to),
      ({ record, seen }) =>
        record.change === "failover" || seen.active?.region === record.from
          ? null
          : `${record.from} was not looked at since the switchover began`,
    ],
    (s) => ({
      record: promoting(s.record, changePlan(s), s.nowMs),
      actions: [{ kind: "carry-out-plan" }],
      explanation: `every router has closed: ${s.record.to} is promoted`,
    }),
  ),
  rule("closing-waits", ["closing"], "Until then it waits, for acknowledgements or for leases to run out.", [], (s) =>
    unchanged(s.record, `closing ${s.record.from}: ${closingFault(s)}`),
  ),

  ...operatorRules,
  rule(
    "failover",
    ["serving"],
    "The active region is lost and the standby can take over: the routers are told to close.",
    [activeUnhealthy, notPaused, oneRouter, standbyHealthy, standbyPromotable, standbyInSync, notInBlockPeriod],
    (s) => {
      const cause = `${s.record.active} is unhealthy: ${s.seen.health[s.record.active]?.reason}`;
      return {
        record: closing(s, { change: "failover", automatic: true, cause }),
        actions: [],
        explanation: `${cause}; ${standbyOf(s)} takes over`,
      };
    },
  ),
  refusal("refuse-paused", "Automatic failover is paused by an operator.", notPaused),
  refusal("refuse-both-unhealthy", "Both regions are unhealthy: nothing is touched.", standbyHealthy),
  refusal("refuse-several-routers", "A file store cannot close more than its own router.", oneRouter),
  refusal("refuse-not-promotable", "The standby's cluster could not carry out a promotion.", standbyPromotable),
  refusal("refuse-not-in-sync", "A standby that is not in sync is never promoted without a human.", standbyInSync),
  refusal("refuse-block-period", "At most one automatic failover per block period.", notInBlockPeriod),

  rule(
    "register-watchdog",
    ["serving"],
    "Every watchdog that takes part stands in the record, so that failsafe knows whose word it needs.",
    [(s) => (newcomers(s).length > 0 ? null : "all that are known stand there as they are")],
    (s) => {
      const joining = newcomers(s);
      const staying = s.record.watchdogs.filter(({ name }) => !joining.some((known) => known.name === name));
      return {
        record: noted(s.record, { watchdogs: [...staying, ...joining] }),
        actions: [],
        explanation: joining.map(({ name, site }) => `watchdog ${name} of ${site} takes part`).join("; "),
      };
    },
  ),
  ...planRules,
  rule(
    "standby-joins",
    ["serving"],
    "A reachable region without managed indices of its own becomes the standby.",
    [
      standbyStateIs("absent"),
      not(standbyWasPrimary, "it was the active region before, so it rejoins"),
      activeWell,
      standbyHealthy,
      standbyHoldsNothingOfItsOwn,
    ],
    (s) => ({
      record: noted(s.record, { standby: "following" }),
      actions: [{ kind: "keep-replication" }],
      explanation: `${standbyOf(s)} becomes the standby and follows ${s.record.active}`,
    }),
  ),
  rule(
    "standby-in-sync",
    ["serving"],
    "A standby that follows everything without lag may be promoted.",
    [standbyStateIs("following"), activeWell, ({ seen }) => comparisonBlocker(seen), emptiedBlocker],
    (s) => ({
      record: noted(s.record, { standby: "in-sync", inSyncAtMs: s.nowMs, inSyncSinceMs: s.nowMs }),
      actions: [{ kind: "keep-replication" }],
      explanation: `${standbyOf(s)} is in sync with ${s.record.active}`,
    }),
  ),
  rule(
    "standby-behind",
    ["serving"],
    "A standby that has not been in sync for a while, though its leader is well, is not promoted any more.",
    [standbyStateIs("in-sync"), activeWell, not(standbyInSync, "it is in sync")],
    (s) => ({
      record: noted(s.record, { standby: "following", inSyncSinceMs: null }),
      actions: [{ kind: "keep-replication" }],
      explanation: `not in sync any more: ${standbyInSync(s)}${s.seen.standby?.sync?.reasons.map((reason) => `; ${reason}`).join("") ?? ""}`,
    }),
  ),
  ...failbackRules,
  rule(
    "in-sync-noted",
    ["serving"],
    "When the standby was last in sync is noted now and then, for a watchdog that starts during an outage.",
    [
      standbyStateIs("in-sync"),
      ({ record, seen, config }) => {
        const newer = (seen.inSyncSeenAtMs ?? 0) - (record.inSyncAtMs ?? 0);
        return newer > config.replication.maxReadAgeMs / 2 ? null : "it was noted a short while ago";
      },
    ],
    (s) => ({
      record: noted(s.record, { inSyncAtMs: s.seen.inSyncSeenAtMs }),
      actions: [{ kind: "keep-replication" }],
      explanation: `${standbyOf(s)} is in sync with ${s.record.active}`,
    }),
  ),
  rule(
    "standby-waits",
    ["serving"],
    "A region that cannot be the standby yet is left alone.",
    [standbyStateIs("absent")],
    (s) => unchanged(s.record, `${s.record.active} serves without a standby: ${standbyJoinFault(s)}`),
  ),
  rule("steady", ["serving"], "Nothing to change; following is kept up.", [], (s) =>
    unchanged(s.record, steadySentence(s), "keep-replication"),
  ),
];

function stepPending(record: PromotingRecord): string | null {
  const step = currentStep(record.plan);
  return step === null ? null : `${step.kind} is ${step.status}`;
}

/** What a change is carried out by, from the newest looks. */
function changePlan({ record, seen, config, nowMs }: Situation<ClosingRecord>): Plan {
  const { standby, active } = seen;
  if (standby === null) throw new Error("begin-promotion without a look at the standby");
  const blocked = record.writeBlocks?.region === record.to ? record.writeBlocks.indices : [];
  if (record.change === "failover") {
    return planPromotion(record.from, standby, record.leaderSight, config, nowMs, blocked);
  }
  if (active === null) throw new Error("a switchover begins without a look at the region that is left");
  return planSwitchover(active, standby, record.leaderSight, config, nowMs, blocked);
}

/** Why a switchover is not gone on with. */
function trouble(s: Situation<ClosingRecord | PromotingRecord>): string {
  const { record, seen, nowMs } = s;
  const lost = [record.from, record.to].filter((region) => majoritySees(s, region, "unhealthy") === null);
  if (lost.length > 0) return lost.map((region) => `${region} is unhealthy: ${seen.health[region]?.reason}`).join("; ");
  const step = record.phase === "promoting" ? currentStep(record.plan) : null;
  const waited = `writers have waited for ${Math.round((nowMs - record.startedAtMs) / 1000)} s`;
  return step?.error ? `${waited}; ${step.error}` : waited;
}

function firstPrimaryFault(s: Situation<null>): string {
  return blockersOf("first-primary", s);
}

function standbyJoinFault(s: Situation<ServingRecord>): string {
  return blockersOf(standbyWasPrimary(s) === null ? "rejoin-begins" : "standby-joins", s);
}

function closingFault(s: Situation<ClosingRecord>): string {
  return blockersOf("begin-promotion", s);
}

function blockersOf(id: RuleId, situation: Situation): string {
  return (
    rules
      .find((candidate) => candidate.id === id)
      ?.blockers(situation)
      ?.join("; ") || "nothing stands in the way"
  );
}

function steadySentence(s: Situation<ServingRecord>): string {
  const active = s.seen.health[s.record.active];
  const doing = `${s.record.active} serves, ${standbyOf(s)} is ${s.record.standby}`;
  return active?.state === "healthy"
    ? doing
    : `${doing}; ${s.record.active} is ${active?.state ?? "unknown"}: ${active?.reason ?? "not probed yet"}`;
}
