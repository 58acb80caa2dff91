import { isDeepStrictEqual } from "node:util";
import type { ServingRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import { noted } from "../state/transitions.ts";
import type { RuleBody } from "./rule.ts";

/** Live watchdogs that the record does not list, or lists in another form. */
const newMembers = ({ record, seen }: Situation<ServingRecord>) =>
  seen.known.filter((live) => !record.watchdogs.some((member) => isDeepStrictEqual(member, live)));

export const registerWatchdog: RuleBody<"serving"> = {
  conditions: [(s) => (newMembers(s).length > 0 ? null : "every live watchdog is registered")],
  outcome: (s) => {
    const joining = newMembers(s);
    const staying = s.record.watchdogs.filter(({ name }) => !joining.some((member) => member.name === name));
    const names = joining.map(({ name, site }) => `${name} of ${site}`).join(", ");
    return {
      record: noted(s.record, { watchdogs: [...staying, ...joining] }),
      actions: [],
      explanation: `watchdog ${names} is registered: failsafe requires its answer from now on`,
    };
  },
};
