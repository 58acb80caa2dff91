import { isDeepStrictEqual } from "node:util";
import type { ServingRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import { noted } from "../state/transitions.ts";
import type { RuleBody } from "./rule.ts";

/** Those that have made themselves known and do not stand in the record as they are now. */
const newcomers = ({ record, seen }: Situation<ServingRecord>) =>
  seen.known.filter((known) => !record.watchdogs.some((listed) => isDeepStrictEqual(listed, known)));

export const registerWatchdog: RuleBody<"serving"> = {
  conditions: [(s) => (newcomers(s).length > 0 ? null : "all that are known stand there as they are")],
  outcome: (s) => {
    const joining = newcomers(s);
    const staying = s.record.watchdogs.filter(({ name }) => !joining.some((known) => known.name === name));
    return {
      record: noted(s.record, { watchdogs: [...staying, ...joining] }),
      actions: [],
      explanation: joining.map(({ name, site }) => `watchdog ${name} of ${site} takes part`).join("; "),
    };
  },
};
