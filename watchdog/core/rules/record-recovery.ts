import type { StateRecord } from "../state/record.ts";
import { filledAt, firstRecord, noted } from "../state/transitions.ts";
import { majorityPresent } from "./conditions/majority.ts";
import { blockersOf, type Phase, type RuleBody, unchanged } from "./rule.ts";

export const fillStoreFromCopy: RuleBody<Phase> = {
  conditions: [
    ({ record, seen }) => {
      if (seen.newestCopy === null) return "no watchdog has a copy";
      return seen.newestCopy.epoch > (record?.epoch ?? 0) ? null : "the store is as new as the copies";
    },
    majorityPresent,
  ],
  outcome: ({ record, seen, nowMs, config }) => {
    const copy = seen.newestCopy;
    if (copy === null) throw new Error("fill-store-from-copy without a copy");
    return {
      record: noted(copy, { filledAtMs: filledAt(config, nowMs) }),
      actions: [],
      explanation: `the store ${record === null ? "is empty" : `is at epoch ${record.epoch}`}: filled from a copy of epoch ${copy.epoch}`,
    };
  },
};

export const filledStoreSettles: RuleBody<Phase> = {
  conditions: [
    ({ seen, config }) => {
      if (seen.filledKnownForMs === null) return "the store was not filled from a copy";
      const leftMs = config.leases.ttlMs - seen.filledKnownForMs;
      return leftMs <= 0 ? null : `tickets from before may still count for ${leftMs} ms`;
    },
  ],
  outcome: ({ record }) => ({
    record: record === null ? null : noted<StateRecord>(record, { filledAtMs: null }),
    actions: [],
    explanation: "every ticket from before the store was filled has run out",
  }),
};

export const firstPrimary: RuleBody<"none"> = {
  conditions: [
    majorityPresent,
    ({ seen }) =>
      seen.copyError === null ? null : `the copy of the record on this host cannot be read: ${seen.copyError}`,
    ({ seen, config }) => {
      const look = seen.firstLooks.find(({ region }) => region === config.firstPrimary);
      if (look === undefined) return `${config.firstPrimary} has not answered yet, so it might be somebody's follower`;
      return look.following.length === 0
        ? null
        : `${config.firstPrimary} holds followers (${look.following.slice(0, 3).join(", ")}), so the other region is the primary`;
    },
  ],
  outcome: (s) => ({
    record: firstRecord(s),
    actions: [],
    explanation: `no record anywhere: ${s.config.firstPrimary} becomes active`,
  }),
};

export const noRecord: RuleBody<"none"> = {
  conditions: [],
  outcome: (s) =>
    unchanged(
      s.record,
      `no record yet, and ${s.config.firstPrimary} does not become active by itself: ${blockersOf(firstPrimary, s)}`,
    ),
};
