import type { ServingRecord } from "../state/record.ts";
import { type Situation, standbyOf } from "../state/situation.ts";
import { closing } from "../state/transitions.ts";
import { activeUnhealthy, activeUnknown, activeWell } from "./conditions/active.ts";
import { notInBlockPeriod, notPaused, oneRouter } from "./conditions/automatic.ts";
import { not } from "./conditions/combine.ts";
import { automatic, hooksAwaited, hooksConfigured, hooksPassed } from "./conditions/hooks.ts";
import * as standbyIs from "./conditions/standby.ts";
import { hooksFirst } from "./hooks.ts";
import { type Condition, type RuleBody, unchanged } from "./rule.ts";
import { inSyncNoted, standbyBehind, standbyInSync } from "./standby.ts";

/** Rules about a lost active region: the automatic failover, and one refusal for each of its conditions. */

/** In this watchdog's own words where it has seen the loss itself; a witness sends no canaries. */
function loss({ record: { active }, seen }: Situation<ServingRecord>): string {
  const own = seen.health[active];
  const others = seen.sites.flatMap(({ regions, unhealthy }) =>
    regions[active] === "unhealthy" ? (unhealthy?.[active] ?? []) : [],
  );
  const reason = own?.state === "unhealthy" ? own.reason : (others[0] ?? own?.reason);
  return `${active} is unhealthy: ${reason}`;
}

const wanted = automatic("failover");
const noHookLeft = hooksPassed(wanted);

/** All but the hooks. */
const needed: readonly Condition<ServingRecord>[] = [
  activeUnhealthy,
  notPaused,
  oneRouter,
  standbyIs.standbyHealthy,
  standbyIs.standbyPromotable,
  standbyIs.standbyInSync,
  notInBlockPeriod,
];

export const failover: RuleBody<"serving"> = {
  conditions: [...needed, noHookLeft],
  outcome: (s) => ({
    record: closing(s, { change: "failover", automatic: true, cause: loss(s) }),
    actions: [],
    explanation: `${loss(s)}; ${standbyOf(s)} takes over, routers close under epoch ${s.record.epoch + 1}`,
  }),
};

/** A standby that catches up while its leader takes no writes may be what the refused failover waits for. */
const noStandbyToNote: Condition<ServingRecord> = (s) =>
  [standbyInSync, standbyBehind, inSyncNoted].some((body) => body.conditions.every((holds) => holds(s) === null))
    ? "how far the standby has come is recorded first"
    : null;

/** A region that only refuses writes can still be read, so that its standby goes on to follow it. */
const upkeep = (s: Situation<ServingRecord>) =>
  s.record.standby !== "absent" && activeWell(s) === null ? (["keep-replication"] as const) : [];

export const failoverHooks: RuleBody<"serving"> = {
  scope: [hooksConfigured],
  conditions: [...needed, hooksAwaited(wanted)],
  outcome: (s) => hooksFirst(s, wanted, { reason: loss(s), upkeep: upkeep(s) }),
};

const refusal = (condition: Condition<ServingRecord>): RuleBody<"serving"> => ({
  conditions: [activeUnhealthy, not(condition, "not the blocking condition"), noStandbyToNote],
  outcome: (s) => unchanged(s.record, `${loss(s)}; no failover: ${condition(s)}`, ...upkeep(s)),
});

export const refusePaused = refusal(notPaused);
export const refuseBothUnhealthy = refusal(standbyIs.standbyHealthy);
export const refuseSeveralRouters = refusal(oneRouter);
export const refuseNotPromotable = refusal(standbyIs.standbyPromotable);
export const refuseNotInSync = refusal(standbyIs.standbyInSync);
export const refuseBlockPeriod = refusal(notInBlockPeriod);
export const refuseHook: RuleBody<"serving"> = { ...refusal(noHookLeft), scope: [hooksConfigured] };

/** A run of refusals may be a lost region as well as a rotated password: a person who can tell decides. */
export const unknownActive: RuleBody<"serving"> = {
  conditions: [activeUnknown],
  outcome: (s) => {
    const { active, standby } = s.record;
    const advice = `if it does not serve, \`es-failover failover --to ${standbyOf(s)} --force\` fails over`;
    const sentence = `${active} ${s.seen.health[active]?.reason}: no automatic failover; ${advice}`;
    return standby === "absent" ? unchanged(s.record, sentence) : unchanged(s.record, sentence, "keep-replication");
  },
};
