import { listed } from "../../util/text.ts";
import { isFormerPrimary } from "../plans/rejoin.ts";
import { planRepair, type RepairNeed, repairNeedOf } from "../plans/repair.ts";
import { stepOf, stuckOf } from "../state/plan.ts";
import type { ServingRecord } from "../state/record.ts";
import { withReason } from "../state/record-fields.ts";
import { type Situation, standbyOf } from "../state/situation.ts";
import { indicesToJoin, type JoinOutcome, nextJoinAtMs, withJoined } from "../state/to-join.ts";
import { noted } from "../state/transitions.ts";
import { isMarked, markedIndices, withoutMarks } from "../state/write-blocks.ts";
import { activeWell } from "./conditions/active.ts";
import { noPlan, planDone, planIs } from "./conditions/plan.ts";
import { progressOf } from "./plan-progress.ts";
import { rejoinGoesOn } from "./rejoin.ts";
import { type Condition, type RuleBody, unchanged } from "./rule.ts";

/** Rules about indices of the active region that refuse writes. */

/** A write block whose request was cut off may take effect until then: bounded by the timeouts of requests. */
const LATE_WRITE_BLOCK_MS = 120_000;

/** Between two attempts to delete unfinished copies: a snapshot of the cluster can refuse it for hours. */
const DISCARD_RETRY_MS = 60_000;

function needOf({ record, seen, nowMs }: Situation<ServingRecord>): RepairNeed | null {
  const { active } = seen;
  if (active === null || active.region !== record.active) return null;
  const { strays, copies, blocked, joining } = repairNeedOf(record, active);
  const isDue = record.discardTriedAtMs === null || nowMs - record.discardTriedAtMs >= DISCARD_RETRY_MS;
  const joinsNow = nowMs >= (nextJoinAtMs(record) ?? Number.POSITIVE_INFINITY);
  const isUrgent = strays.length + blocked.length > 0;
  const need = { strays, blocked, copies: isDue ? copies : [], joining: isUrgent || joinsNow ? joining : [] };
  return isUrgent || need.copies.length + need.joining.length > 0 ? need : null;
}

const repairNeeded: Condition<ServingRecord> = (s) =>
  needOf(s) === null ? `no index of ${s.record.active} needs a repair` : null;

/**
 * A rejoin gives way to a repair and starts over after it; not to what may fail for hours. That is the deletion of copies,
 * and the joining of indices that were left out, which waits for a rejoin only while that gets on.
 */
const noPlanButRejoin: Condition<ServingRecord> = (s) => {
  const need = needOf(s);
  const isUrgent = need === null || need.strays.length + need.blocked.length > 0;
  const givesWay = isUrgent || (need.joining.length > 0 && blocks(rejoinGoesOn, s));
  return givesWay && planIs("rejoin")(s) === null ? null : noPlan(s);
};

const blocks = ({ conditions }: RuleBody<"serving">, s: Situation<ServingRecord>) =>
  conditions.some((condition) => condition(s) !== null);

const describeNeed = ({ strays, copies, blocked, joining }: RepairNeed) =>
  [
    strays.length === 0 ? [] : [`${strays.join(", ")} became a follower while the promotion ended`],
    copies.length === 0 ? [] : [`${listed(copies.map(withReason))} is a follower with nothing to be served`],
    blocked.length === 0 ? [] : [`${blocked.join(", ")} has a write block of the watchdog that took effect late`],
    joining.length === 0 ? [] : [`${listed(joining)} was left out, and is tried again`],
  ]
    .flat()
    .join("; ");

export const repairDone: RuleBody<"serving"> = {
  scope: [planIs("repair")],
  conditions: [planDone],
  outcome: (s) => {
    const discard = s.record.plan === null ? null : stepOf(s.record.plan, "discard-copies");
    const left = (discard?.failures ?? []).map(withReason);
    const discardTriedAtMs = discard === null ? s.record.discardTriedAtMs : s.nowMs;
    const { joined, gone, left: leftOut, changes } = joinedBy(s);
    const exceptions = [
      ...(left.length === 0 ? [] : [`, except a follower that is still there: ${listed(left)}`]),
      ...(leftOut.length === 0 ? [] : [`, except those that have not joined yet: ${listed(leftOut.map(withReason))}`]),
      ...(joined.length === 0 ? [] : [`; ${listed(joined)} has joined`]),
      ...(gone.length === 0 ? [] : [`; ${listed(gone)} was deleted in ${s.record.active}, and joins no more`]),
    ].join("");
    return {
      record: noted(s.record, { plan: null, discardTriedAtMs, ...changes }),
      actions: [],
      explanation: `the repair of ${s.record.active} is done: every index accepts writes${exceptions}`,
    };
  },
};

interface Joined extends JoinOutcome {
  readonly changes: Partial<ServingRecord>;
}

/**
 * What became of indices that were left out. The former primary has kept its own copy of what waits for nothing any more: it
 * rejoins once more, in which that is salvaged, and then follows.
 */
function joinedBy(s: Situation<ServingRecord>): Joined {
  const { plan, lastFailover, active } = s.record;
  if (plan === null || lastFailover?.to !== active) return { joined: [], gone: [], left: [], changes: {} };
  const tried = stepOf(plan, "verify")?.indices ?? [];
  const wanted = indicesToJoin(s.record).filter((name) => tried.includes(name));
  const known = s.seen.active?.region === active ? new Set(s.seen.active.indices.map(({ name }) => name)) : null;
  const isThere = (name: string) => known?.has(name) ?? true;
  const outcome = {
    joined: wanted.filter(isThere),
    gone: wanted.filter((name) => !isThere(name)),
    left: stuckOf(plan),
  };
  const served = (stepOf(plan, "write-aliases")?.aliases ?? []).map(({ alias }) => alias);
  const next = withJoined(lastFailover, { ...outcome, joined: [...outcome.joined, ...served] }, s.nowMs);
  const rejoins = wanted.length > 0 && isFormerPrimary(s.record, standbyOf(s));
  return {
    ...outcome,
    changes: { lastFailover: next, ...(rejoins ? { standby: "absent", inSyncAtMs: null } : {}) },
  };
}

export const repairGoesOn: RuleBody<"serving"> = {
  scope: [planIs("repair")],
  conditions: [],
  outcome: ({ record }) => {
    const progress = record.plan === null ? "" : `, ${progressOf(record.plan)}`;
    return unchanged(record, `repairing ${record.active}${progress}`, "carry-out-plan");
  },
};

export const repairBegins: RuleBody<"serving"> = {
  conditions: [noPlanButRejoin, repairNeeded, activeWell],
  outcome: (s) => {
    const need = needOf(s);
    if (need === null) throw new Error("repair-begins without anything to repair");
    const standby = s.record.plan === null ? s.record.standby : "absent";
    const situation = { indices: s.seen.active?.indices ?? [], managed: s.config.replication };
    return {
      record: noted(s.record, { plan: planRepair(need, s.nowMs, situation), standby }),
      actions: [{ kind: "carry-out-plan" }],
      explanation: `a repair of ${s.record.active} begins: ${describeNeed(need)}`,
    };
  },
};

/** A marked index that is closed keeps its mark: the block is lifted once it is opened. */
const blocksLifted: Condition<ServingRecord> = ({ record, seen }) => {
  const { active } = seen;
  if (active === null || active.region !== record.active) return `there is no snapshot of ${record.active}`;
  const left = active.indices.filter((index) => index.writeBlocked && isMarked(record, active.region, index));
  return left.length === 0 ? null : `${left.map(({ name }) => name).join(", ")} is still write-blocked`;
};

export const writeBlocksForgotten: RuleBody<"serving"> = {
  conditions: [
    ({ record }) =>
      markedIndices(record, record.active).length > 0 ? null : "no write block is marked in the active region",
    ({ record, nowMs }) => {
      const leftMs = record.startedAtMs + LATE_WRITE_BLOCK_MS - nowMs;
      return leftMs < 0 ? null : `a marked write block may take effect for another ${Math.ceil(leftMs / 1000)} s`;
    },
    blocksLifted,
    activeWell,
  ],
  outcome: (s) => ({
    record: noted(s.record, { writeBlocks: withoutMarks(s.record, s.record.active) }),
    actions: [{ kind: "keep-replication" }],
    explanation: `every write block that the watchdog set in ${s.record.active} is lifted`,
  }),
};
