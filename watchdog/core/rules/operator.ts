import type { ChangeRequest, ServingRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import { closing, noted } from "../state/transitions.ts";
import {
  areHooksDue,
  byOperator,
  HOOKS_VALID_MS,
  hooksAwaited,
  hooksConfigured,
  hooksPassed,
} from "./conditions/hooks.ts";
import { hooksFirst } from "./hooks.ts";
import { isJudgeable, requestBlockers } from "./preconditions.ts";
import type { Condition, RuleBody } from "./rule.ts";

/**
 * Rules about a change that an operator asked for. It is handled once, as soon as enough is known: granted, or refused
 * with every reason. A granted change closes routers and waits for their acknowledgements as any other change does.
 */

const requested =
  (...kinds: readonly ChangeRequest["kind"][]): Condition<ServingRecord> =>
  ({ record: { request } }) =>
    request !== null && kinds.includes(request.kind) ? null : `no operator asked for a ${kinds.join(" or ")}`;

const grantable: Condition<ServingRecord> = (s) => {
  if (s.record.request === null) return "no operator asked for a change";
  return requestBlockers(s, s.record.request).join("; ") || null;
};

const judgeable: Condition<ServingRecord> = (s) => {
  const { request } = s.record;
  if (request === null) return "no operator asked for a change";
  return isJudgeable(s) || s.nowMs > request.validUntilMs ? null : "the regions have not been observed yet";
};

const causeOf = ({ kind, by, reason }: ChangeRequest) =>
  `${by} asked for a ${kind}${reason === null ? "" : ` (${reason})`}`;

/** The next record removes the request. */
function granted(s: Situation<ServingRecord>, change: ChangeRequest["kind"]) {
  const { request } = s.record;
  if (request === null) throw new Error(`a ${change} was granted that no operator asked for`);
  const cause = causeOf(request);
  const explanation = `${cause}: ${request.to} takes over from ${s.record.active}, routers close under epoch ${s.record.epoch + 1}`;
  return { record: closing(s, { change, automatic: false, cause }), actions: [], explanation };
}

export const operatorFailover: RuleBody<"serving"> = {
  scope: [requested("failover")],
  conditions: [judgeable, grantable, hooksPassed(byOperator)],
  outcome: (s) => granted(s, "failover"),
};

export const switchover: RuleBody<"serving"> = {
  scope: [requested("switchover")],
  conditions: [judgeable, grantable, hooksPassed(byOperator)],
  outcome: (s) => granted(s, "switchover"),
};

/** The request stays valid while its hooks run, also for a controller that has to begin them again. */
function prolonged({ nowMs, config }: Situation<ServingRecord>, request: ChangeRequest): ChangeRequest {
  const hooksMs = config.hooks.beforeClosing.reduce((sum, { timeoutMs }) => sum + timeoutMs, 0);
  return { ...request, validUntilMs: Math.max(request.validUntilMs, nowMs + hooksMs + HOOKS_VALID_MS) };
}

export const operatorHooks: RuleBody<"serving"> = {
  scope: [requested("failover", "switchover"), hooksConfigured],
  conditions: [judgeable, grantable, hooksAwaited(byOperator)],
  outcome: (s) => {
    const { request, standby } = s.record;
    if (request === null) throw new Error("operator-hooks without a request");
    const upkeep = standby === "absent" ? [] : (["keep-replication"] as const);
    const outcome = hooksFirst(s, byOperator, { reason: causeOf(request), upkeep });
    if (!areHooksDue(s, byOperator)) return outcome;
    return { ...outcome, record: noted(s.record, { request: prolonged(s, request) }) };
  },
};

export const refuseRequest: RuleBody<"serving"> = {
  scope: [requested("failover", "switchover")],
  conditions: [judgeable],
  outcome: (s) => {
    const { request } = s.record;
    if (request === null) throw new Error("refuse-request without a request");
    return {
      record: noted(s.record, { request: null }),
      actions: [],
      explanation: `${causeOf(request)}, which is refused: ${requestBlockers(s, request).join("; ")}`,
    };
  },
};
