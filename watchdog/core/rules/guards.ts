import { type Phase, type RuleBody, unchanged } from "./rule.ts";

export const storeUnreachable: RuleBody<Phase> = {
  conditions: [({ seen }) => (seen.store.reachable ? "the store answers" : null)],
  outcome: (s) => unchanged(s.record, `the store does not answer (${s.seen.store.error}): nothing is decided`),
};

export const selfDoubt: RuleBody<Phase> = {
  conditions: [({ seen }) => (seen.selfDoubt.length > 0 ? null : "this watchdog trusts itself")],
  outcome: (s) => unchanged(s.record, `this watchdog does not trust itself: ${s.seen.selfDoubt.join("; ")}`),
};

export const notLeading: RuleBody<Phase> = {
  conditions: [({ seen }) => (seen.leadership.leading ? "this watchdog leads" : null)],
  outcome: (s) => {
    const { leader, error } = s.seen.leadership;
    const who = leader === null ? "nobody leads yet" : `${leader} decides`;
    return unchanged(s.record, `${who}; this watchdog observes${error === null ? "" : ` (${error})`}`);
  },
};
