import { isDeepStrictEqual } from "node:util";
import { listed } from "../../util/text.ts";
import { majoritySeesDeleted } from "../state/deleted-leaders.ts";
import type { ServingRecord } from "../state/record.ts";
import { type Situation, standbyOf } from "../state/situation.ts";
import { noted } from "../state/transitions.ts";
import { activeWell } from "./conditions/active.ts";
import { standbyStateIs } from "./conditions/standby.ts";
import type { RuleBody } from "./rule.ts";

/** Rules about followers whose leaders were deleted. */

/**
 * When a majority first saw each deletion; forgotten as soon as this watchdog sees that the leader is there. While the
 * active region is unwell nothing is added and nothing forgotten.
 */
function deletions({ record, seen, nowMs, config }: Situation<ServingRecord>): ServingRecord["deletedLeaders"] {
  if (config.replication.deletedLeaders.policy === "keep") return [];
  const now = seen.deletedLeaders ?? null;
  if (now === null) return record.deletedLeaders;
  const kept = record.deletedLeaders.filter(({ uuid }) => now.some((each) => each.uuid === uuid));
  const added = now.filter(
    ({ uuid }) => !kept.some((each) => each.uuid === uuid) && majoritySeesDeleted(uuid, seen.sites, config),
  );
  return [...kept, ...added.map((each) => ({ ...each, seenAtMs: nowMs }))];
}

export const deletedLeadersNoted: RuleBody<"serving"> = {
  conditions: [
    standbyStateIs("following", "in-sync"),
    activeWell,
    (s) => (isDeepStrictEqual(deletions(s), s.record.deletedLeaders) ? "no other leader was deleted" : null),
  ],
  outcome: (s) => {
    const { active } = s.record;
    const deletedLeaders = deletions(s);
    const names = listed(deletedLeaders.map(({ index }) => index));
    const minutes = Math.round(s.config.replication.deletedLeaders.deleteAfterMs / 60_000);
    return {
      record: noted(s.record, { deletedLeaders }),
      actions: [{ kind: "keep-replication" }],
      explanation:
        deletedLeaders.length === 0
          ? `${active} has the leaders of all followers of ${standbyOf(s)}`
          : `${names} was deleted in ${active}: unless it comes back, its follower is deleted ${minutes} min after it was first seen so`,
    };
  },
};
