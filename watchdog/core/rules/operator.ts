import type { ChangeRequest, ServingRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import { closing, noted } from "../state/transitions.ts";
import { isJudgeable, requestBlockers } from "./preconditions.ts";
import type { Condition, RuleBody } from "./rule.ts";

/**
 * What becomes of a change that an operator asked for. It is decided on once, as soon as enough is known: granted, or
 * refused with every reason. Neither way around closing, nor around the acknowledgements of the routers.
 */

const requested =
  (...kinds: readonly ChangeRequest["kind"][]): Condition<ServingRecord> =>
  ({ record: { request } }) =>
    request !== null && kinds.includes(request.kind) ? null : `no ${kinds.join(" or ")} was asked for`;

const grantable: Condition<ServingRecord> = (s) => {
  if (s.record.request === null) return "nothing was asked for";
  return requestBlockers(s, s.record.request).join("; ") || null;
};

const judgeable: Condition<ServingRecord> = (s) => {
  const { request } = s.record;
  if (request === null) return "nothing was asked for";
  return isJudgeable(s) || s.nowMs > request.validUntilMs ? null : "the regions were not looked at yet";
};

const causeOf = ({ kind, by, reason }: ChangeRequest) =>
  `${kind} asked for by ${by}${reason === null ? "" : `: ${reason}`}`;

/** A change that was granted: the request is used up. */
function granted(s: Situation<ServingRecord>, change: ChangeRequest["kind"]) {
  const { request } = s.record;
  if (request === null) throw new Error(`a ${change} was granted that nobody had asked for`);
  const cause = causeOf(request);
  const explanation = `${cause}; ${request.to} takes over from ${s.record.active}`;
  return { record: closing(s, { change, automatic: false, cause }), actions: [], explanation };
}

export const operatorFailover: RuleBody<"serving"> = {
  scope: [requested("failover")],
  conditions: [judgeable, grantable],
  outcome: (s) => granted(s, "failover"),
};

export const switchover: RuleBody<"serving"> = {
  scope: [requested("switchover")],
  conditions: [judgeable, grantable],
  outcome: (s) => granted(s, "switchover"),
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
      explanation: `${causeOf(request)}; refused: ${requestBlockers(s, request).join("; ")}`,
    };
  },
};
