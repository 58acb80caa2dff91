import { isDeepStrictEqual } from "node:util";
import { duration } from "../../util/text.ts";
import type { ServingRecord } from "../state/record.ts";
import type { Situation } from "../state/situation.ts";
import { noted } from "../state/transitions.ts";
import type { RuleBody } from "./rule.ts";

/** Live watchdogs that the record does not list, or lists in another form. */
const newMembers = ({ record, seen: { known, silence = {} } }: Situation<ServingRecord>) =>
  known.filter((one) => !(one.name in silence) && !record.watchdogs.some((member) => isDeepStrictEqual(member, one)));

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

/**
 * Listed watchdogs that have been silent for so long that they are taken for gone. One that lives on all the same gets no
 * failsafe grant from the others any more, so its router closes without the store.
 */
const goneMembers = ({ record, seen: { silence = {} }, config }: Situation<ServingRecord>) =>
  record.watchdogs.filter(({ name }) => (silence[name] ?? 0) >= (config.failsafe?.forgetAfterMs ?? Infinity));

export const forgetWatchdog: RuleBody<"serving"> = {
  conditions: [(s) => (goneMembers(s).length > 0 ? null : "no registered watchdog has been silent for long")],
  outcome: (s) => {
    const gone = goneMembers(s);
    const names = gone.map(({ name, site }) => `${name} of ${site}`).join(", ");
    const silentMs = Math.min(...gone.map(({ name }) => s.seen.silence?.[name] ?? 0));
    return {
      record: noted(s.record, { watchdogs: s.record.watchdogs.filter((member) => !gone.includes(member)) }),
      actions: [],
      explanation:
        `watchdog ${names} has been silent for ${duration(silentMs)} and is forgotten: failsafe no longer requires ` +
        "its answer; it registers again when it returns",
    };
  },
};
