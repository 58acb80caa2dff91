import type { Observations } from "../state/observations.ts";
import type { ServingRecord } from "../state/record.ts";
import { type Situation, standbyOf } from "../state/situation.ts";
import { noted } from "../state/transitions.ts";
import { activeWell } from "./conditions/active.ts";
import { not } from "./conditions/combine.ts";
import * as condition from "./conditions/standby.ts";
import { rejoinBegins } from "./rejoin.ts";
import { blockersOf, type RuleBody, unchanged } from "./rule.ts";

/** Rules about the state of the standby, and what holds when nothing changes. */

export const standbyJoins: RuleBody<"serving"> = {
  conditions: [
    condition.standbyStateIs("absent"),
    not(condition.standbyWasPrimary, "it was the active region before, so it has to rejoin"),
    activeWell,
    condition.standbyHealthy,
    condition.standbyHasNothingOfItsOwn,
  ],
  outcome: (s) => ({
    record: noted(s.record, { standby: "following" }),
    actions: [{ kind: "keep-replication" }],
    explanation: `${standbyOf(s)} becomes the standby and follows ${s.record.active}`,
  }),
};

export const standbyInSync: RuleBody<"serving"> = {
  conditions: [
    condition.standbyStateIs("following"),
    activeWell,
    ({ seen }) => condition.comparisonBlocker(seen),
    condition.emptiedBlocker,
  ],
  outcome: (s) => ({
    record: noted(s.record, { standby: "in-sync", inSyncAtMs: s.nowMs, inSyncSinceMs: s.nowMs }),
    actions: [{ kind: "keep-replication" }],
    explanation: `${standbyOf(s)} is in sync with ${s.record.active}: it may be promoted`,
  }),
};

export const standbyBehind: RuleBody<"serving"> = {
  conditions: [condition.standbyStateIs("in-sync"), activeWell, not(condition.standbyInSync, "it is in sync")],
  outcome: (s) => {
    const reasons = s.seen.standby?.sync?.reasons.map((reason) => `; ${reason}`).join("") ?? "";
    return {
      record: noted(s.record, { standby: "following", inSyncSinceMs: null }),
      actions: [{ kind: "keep-replication" }],
      explanation: `${standbyOf(s)} is no longer in sync, so it is not promoted automatically: ${condition.standbyInSync(s)}${reasons}`,
    };
  },
};

export const inSyncNoted: RuleBody<"serving"> = {
  conditions: [
    condition.standbyStateIs("in-sync"),
    ({ record, seen, config }) => {
      const newer = (seen.inSyncSeenAtMs ?? 0) - (record.inSyncAtMs ?? 0);
      return newer > config.replication.maxReadAgeMs / 2 ? null : "it was recorded a short time ago";
    },
  ],
  outcome: (s) => ({
    record: noted(s.record, { inSyncAtMs: s.seen.inSyncSeenAtMs, allProtectedAtMs: allProtectedAtMs(s) }),
    actions: [{ kind: "keep-replication" }],
    explanation: `${standbyOf(s)} is in sync with ${s.record.active}`,
  }),
};

function allProtectedAtMs({ seen: { standby }, record }: Situation<ServingRecord>): number | null {
  const isProtected = standby?.sync?.unprotected.every(({ required }) => !required) ?? false;
  return isProtected && standby !== null ? standby.observedAtMs : record.allProtectedAtMs;
}

export const standbyWaits: RuleBody<"serving"> = {
  conditions: [condition.standbyStateIs("absent")],
  outcome: (s) => {
    const next = condition.standbyWasPrimary(s) === null ? rejoinBegins : standbyJoins;
    return unchanged(s.record, `${s.record.active} serves without a standby: ${blockersOf(next, s)}`);
  },
};

export const steady: RuleBody<"serving"> = {
  conditions: [],
  outcome: (s) => unchanged(s.record, steadySentence(s), "keep-replication"),
};

const degradedSentences = ({ health }: Observations) =>
  Object.entries(health).flatMap(([region, { problems }]) =>
    problems.map((problem) => `${region} is degraded: ${problem}`),
  );

function steadySentence(s: Situation<ServingRecord>): string {
  const active = s.seen.health[s.record.active];
  const regions = `${s.record.active} serves, ${standbyOf(s)} is ${s.record.standby}`;
  if (active?.state !== "healthy") {
    return `${regions}; ${s.record.active} is ${active?.state ?? "unknown"}: ${active?.reason ?? "not probed yet"}`;
  }
  return [regions, ...degradedSentences(s.seen)].join("; ");
}
