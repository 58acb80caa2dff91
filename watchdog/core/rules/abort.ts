import { planUndo } from "../plans/switchover.ts";
import { isProbed } from "../state/health.ts";
import { isIrreversible, stepOf } from "../state/plan.ts";
import type { AbortRequest, ClosingRecord, PromotingRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import { calledOff, noted, turnedBack } from "../state/transitions.ts";
import { majoritySees } from "./conditions/majority.ts";
import { oldRegionEmptied } from "./conditions/stuck.ts";
import type { Condition, Outcome, RuleBody } from "./rule.ts";

/**
 * Rules about an operator's abort. No router opens to the new region before the change is over, so going back loses no
 * write; what has to be known is whether the old region can serve.
 */

type ChangingRecord = ClosingRecord | PromotingRecord;

const asked: Condition<ChangingRecord> = ({ record }) => (record.abort === null ? "no operator asked to abort" : null);

/** A controller that has just started waits for its first probe of the old region. */
const judgeable: Condition<ChangingRecord> = ({ record, seen, nowMs }) =>
  isProbed(seen.health[record.from]) || nowMs > (record.abort?.validUntilMs ?? 0)
    ? null
    : `${record.from} has not been probed yet`;

const abortable: Condition<ChangingRecord> = (s) => abortBlockers(s).join("; ") || null;

/** What blocks an abort now; empty when nothing does. */
function abortBlockers(s: Situation<ChangingRecord>): readonly string[] {
  const { record, nowMs } = s;
  const { from, to, abort } = record;
  if (abort !== null && nowMs > abort.validUntilMs) return ["no controller handled the request in time: ask again"];
  const emptied = oldRegionEmptied(s);
  if (emptied !== null) return [`${emptied}; restore ${from} first, or let the change go on`];
  if (detachedBy(record) === 0) return [];
  const unhealthy = majoritySees(s, from, "healthy");
  if (unhealthy === null) return [];
  return [
    `${unhealthy}; followers of ${to} are detached already, so no region could serve: let the change go on, or abort ` +
      `once ${from} is healthy`,
  ];
}

/** How many followers the change has detached, or may have. */
const detachedBy = (record: ChangingRecord): number =>
  record.phase === "promoting" && isIrreversible(record.plan)
    ? (stepOf(record.plan, "unfollow")?.indices.length ?? 0)
    : 0;

const causeOf = ({ by, reason }: AbortRequest) => `${by} asked to abort${reason === null ? "" : ` (${reason})`}`;

function abortOf({ abort }: ChangingRecord): AbortRequest {
  if (abort === null) throw new Error("an abort that no operator asked for");
  return abort;
}

/** What an abort does now, as a sentence. */
function consequence(s: Situation<ChangingRecord>): string {
  const { record } = s;
  const { from, to, change, epoch } = record;
  const opening = `routers open to ${from} under epoch ${epoch + 1}`;
  const isBlocked = record.phase === "promoting" && change === "switchover";
  const detached = detachedBy(record);
  const isUnhealthy = majoritySees(s, from, "unhealthy") === null;
  return [
    isBlocked ? `the write blocks of ${from} are lifted, then ${opening}` : opening,
    ...(detached === 0
      ? []
      : [`${to} has detached up to ${detached} followers: it is salvaged, and copies these indices again`]),
    ...(isUnhealthy && record.paused === null
      ? [`${from} is unhealthy, so a failover may begin again at once: \`es-failover pause\` prevents it`]
      : []),
  ].join("; ");
}

export const changeAborted: RuleBody<"closing" | "promoting"> = {
  scope: [asked],
  conditions: [judgeable, abortable],
  outcome: (s) => {
    const { record, nowMs } = s;
    const cause = `${record.change} to ${record.to} aborted: ${causeOf(abortOf(record))}`;
    const explanation = `${cause}; ${consequence(s)}`;
    return { ...goneBack(record, cause, nowMs), explanation };
  },
};

/** A switchover has write-blocked the old region: it turns back, as it would by itself. */
function goneBack(record: ChangingRecord, cause: string, nowMs: number): Pick<Outcome, "record" | "actions"> {
  if (record.phase === "promoting" && record.plan.kind === "switchover") {
    return { record: turnedBack(record, planUndo(record, nowMs)), actions: [{ kind: "carry-out-plan" }] };
  }
  return { record: calledOff(record, cause, nowMs), actions: [] };
}

export const refuseAbort: RuleBody<"closing" | "promoting"> = {
  scope: [asked],
  conditions: [judgeable],
  outcome: (s) => {
    const cause = causeOf(abortOf(s.record));
    return {
      record: noted(s.record, { abort: null }),
      actions: [],
      explanation: `${cause}, which is refused: ${abortBlockers(s).join("; ")}`,
    };
  },
};
