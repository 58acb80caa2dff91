import type { StateRecord } from "../state/record.ts";
import { filledAt, firstRecord, noted } from "../state/transitions.ts";
import { majorityPresent } from "./conditions/majority.ts";
import { blockersOf, type Phase, type RuleBody, unchanged } from "./rule.ts";

/** Rules about a store without the newest record: filled from a copy, or the very first record. */

export const fillStoreFromCopy: RuleBody<Phase> = {
  conditions: [
    ({ record, seen }) => {
      if (seen.newestCopy === null) return "no watchdog has a copy of the record";
      return seen.newestCopy.epoch > (record?.epoch ?? 0) ? null : "no copy is newer than the store";
    },
    majorityPresent,
  ],
  outcome: ({ record, seen, nowMs, config }) => {
    const copy = seen.newestCopy;
    if (copy === null) throw new Error("fill-store-from-copy without a copy");
    const filledAtMs = filledAt(config, nowMs);
    const store = record === null ? "the store is empty" : `the store has only epoch ${record.epoch}`;
    const wait = filledAtMs === null ? "" : `; no router opens and nothing is promoted for ${config.leases.ttlMs} ms`;
    return {
      record: noted(copy, { filledAtMs }),
      actions: [],
      explanation: `${store}: it is filled from a copy of epoch ${copy.epoch}${wait}`,
    };
  },
};

export const filledStoreSettles: RuleBody<Phase> = {
  conditions: [
    ({ seen, config }) => {
      if (seen.filledKnownForMs === null) return "the store was not filled from a copy";
      const leftMs = config.leases.ttlMs - seen.filledKnownForMs;
      return leftMs <= 0 ? null : `an earlier ticket may be valid for another ${leftMs} ms`;
    },
  ],
  outcome: ({ record }) => ({
    record: record === null ? null : noted<StateRecord>(record, { filledAtMs: null }),
    actions: [],
    explanation: "every ticket from before the store was filled has expired: routers open again",
  }),
};

export const firstPrimary: RuleBody<"none"> = {
  conditions: [
    majorityPresent,
    ({ seen }) => (seen.copyError === null ? null : `this host's copy of the record cannot be read: ${seen.copyError}`),
    ({ seen, config }) => {
      const snapshot = seen.firstLooks.find(({ region }) => region === config.firstPrimary);
      if (snapshot === undefined) return `${config.firstPrimary} has not answered yet, so it may be a follower`;
      return snapshot.following.length === 0
        ? null
        : `${config.firstPrimary} has followers (${snapshot.following.slice(0, 3).join(", ")}), so the other region is the primary`;
    },
  ],
  outcome: (s) => ({
    record: firstRecord(s),
    actions: [],
    explanation: `there is no record and no copy of one: ${s.config.firstPrimary} becomes active under epoch 1`,
  }),
};

export const noRecord: RuleBody<"none"> = {
  conditions: [],
  outcome: (s) =>
    unchanged(
      s.record,
      `there is no record, so routers stay closed; ${s.config.firstPrimary} does not become active yet: ${blockersOf(firstPrimary, s)}`,
    ),
};
