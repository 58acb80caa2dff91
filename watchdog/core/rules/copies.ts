import { isDeepStrictEqual } from "node:util";
import { count } from "../../util/text.ts";
import type { ServingRecord } from "../state/record.ts";
import type { IndexUuid } from "../state/record-fields.ts";
import { type Situation, standbyOf } from "../state/situation.ts";
import { noted } from "../state/transitions.ts";
import { unfinishedCopies } from "../state/unfinished-copies.ts";
import { standbyStateIs } from "./conditions/standby.ts";
import type { RuleBody } from "./rule.ts";

/** Without a snapshot of the standby nothing is known of its copies, and nothing changes. */
function unfinished(s: Situation<ServingRecord>): readonly IndexUuid[] {
  const { standby } = s.seen;
  const known = s.record.unfinishedCopies;
  return standby?.region === standbyOf(s) ? unfinishedCopies(known, standby) : known;
}

export const firstCopiesNoted: RuleBody<"serving"> = {
  conditions: [
    standbyStateIs("following", "in-sync"),
    (s) => (isDeepStrictEqual(unfinished(s), s.record.unfinishedCopies) ? "no first copy has begun or ended" : null),
  ],
  outcome: (s) => {
    const copies = unfinished(s);
    return {
      record: noted(s.record, { unfinishedCopies: copies }),
      actions: [{ kind: "keep-replication" }],
      explanation: `${standbyOf(s)} has ${count(copies.length, "unfinished first copy", "unfinished first copies")}`,
    };
  },
};
