import { type Phase, type RuleBody, unchanged } from "./rule.ts";

/** Rules before every phase: whether this watchdog may decide at all. */

export const storeUnreachable: RuleBody<Phase> = {
  conditions: [({ seen: { store } }) => (store.reachable && !store.full ? "the store answers" : null)],
  outcome: ({ record, seen: { store } }) =>
    unchanged(
      record,
      store.reachable
        ? `the store takes no write (${store.full}): nothing is decided until it does`
        : `the store does not answer (${store.error}): nothing is decided until it does`,
    ),
};

export const newerVersion: RuleBody<Phase> = {
  conditions: [({ seen }) => (seen.newerVersion ? null : "this version reads all of the record")],
  outcome: ({ record, seen }) =>
    unchanged(record, `this watchdog closes and acknowledges, and decides nothing: ${seen.newerVersion}`),
};

export const selfDoubt: RuleBody<Phase> = {
  conditions: [({ seen }) => (seen.selfDoubt.length > 0 ? null : "the self-check passed")],
  outcome: (s) =>
    unchanged(s.record, `this watchdog takes no action until its self-check passes: ${s.seen.selfDoubt.join("; ")}`),
};

export const notLeading: RuleBody<Phase> = {
  conditions: [({ seen }) => (seen.leadership.leading ? "this watchdog is the controller" : null)],
  outcome: (s) => {
    const { leader, error } = s.seen.leadership;
    const controller = leader === null ? "no controller is elected yet" : `${leader} is the controller`;
    return unchanged(s.record, `${controller}; this watchdog observes${error === null ? "" : ` (${error})`}`);
  },
};
