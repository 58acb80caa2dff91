import * as closing from "./closing.ts";
import * as failback from "./failback.ts";
import * as failover from "./failover.ts";
import * as guards from "./guards.ts";
import * as members from "./members.ts";
import * as operator from "./operator.ts";
import * as promoting from "./promoting.ts";
import * as recovery from "./record-recovery.ts";
import * as rejoin from "./rejoin.ts";
import * as repair from "./repair.ts";
import { everyPhase, type Rule, rule } from "./rule.ts";
import * as standby from "./standby.ts";

/**
 * Every decision, in order; the first rule that holds decides. Ids are stable: they stand in logs, history and metrics.
 * Each transition that stops or allows writes raises the epoch; nothing is promoted but from `closing` (closing-first),
 * and not before every router has acknowledged or lost its lease (ack-or-lease).
 */
// biome-ignore format: two lines a row
export const rules = [
  // Before every phase.
  rule("store-unreachable", everyPhase, guards.storeUnreachable,
    "Without the store nobody decides anything."),
  rule("self-doubt", everyPhase, guards.selfDoubt,
    "A watchdog that cannot trust itself takes no action."),
  rule("not-leading", everyPhase, guards.notLeading,
    "Several watchdogs, one decision: only the one that leads decides."),
  rule("fill-store-from-copy", everyPhase, recovery.fillStoreFromCopy,
    "A store that is empty or was set back is filled from the newest copy any watchdog has."),
  rule("filled-store-settles", everyPhase, recovery.filledStoreSettles,
    "One lease time to live after the store was filled every ticket from before has run out."),

  // No record.
  rule("first-primary", ["none"], recovery.firstPrimary,
    "Where there was never a record, the configured first primary becomes active, unless it is a follower."),
  rule("no-record", ["none"], recovery.noRecord,
    "Without a record nothing is routed."),

  // Promoting: steps of the plan are carried out.
  rule("promotion-done", ["promoting"], promoting.promotionDone,
    "Once every step is done and verified, the new region is opened."),
  rule("promotion-undone", ["promoting"], promoting.promotionUndone,
    "If the new region is lost before it was opened, and the old one is well, the change is undone: nobody wrote to it."),
  rule("switchover-undone", ["promoting"], promoting.switchoverUndone,
    "A switchover that turned back ends when the old region accepts writes again, or is lost itself."),
  rule("switchover-given-up", ["promoting"], promoting.switchoverGivenUp,
    "A switchover turns back when writers have waited too long, or a region that it needs is lost."),
  rule("promotion-waits", ["promoting"], promoting.promotionWaits,
    "A promotion whose region does not answer waits for it; an overdue switchover, until it is clear whether it turns back."),
  rule("promotion-goes-on", ["promoting"], promoting.promotionGoesOn,
    "A promotion under way is carried on, by whoever decides now."),

  // Closing: every router stops routing to the old region.
  rule("closing-called-off", ["closing"], closing.closingCalledOff,
    "If the old region is healthy again before anything was promoted, it goes on."),
  rule("switchover-called-off", ["closing"], closing.switchoverCalledOff,
    "A switchover that a region is lost for, or that takes too long, is called off: nothing was touched yet."),
  rule("begin-promotion", ["closing"], closing.beginPromotion,
    "Promotion begins once no router can reach the old region any more."),
  rule("closing-waits", ["closing"], closing.closingWaits,
    "Until then it waits, for acknowledgements or for leases to run out."),

  // Serving: a change that an operator asked for.
  rule("operator-failover", ["serving"], operator.operatorFailover,
    "A failover that an operator asked for: the routers are told to close."),
  rule("switchover", ["serving"], operator.switchover,
    "A planned change that an operator asked for and that loses nothing: the routers are told to close."),
  rule("refuse-request", ["serving"], operator.refuseRequest,
    "A change that cannot be granted is refused with its reasons, and forgotten."),

  // Serving: the active region is lost.
  rule("failover", ["serving"], failover.failover,
    "The active region is lost and the standby can take over: the routers are told to close."),
  rule("refuse-paused", ["serving"], failover.refusePaused,
    "Automatic failover is paused by an operator."),
  rule("refuse-both-unhealthy", ["serving"], failover.refuseBothUnhealthy,
    "Both regions are unhealthy: nothing is touched."),
  rule("refuse-several-routers", ["serving"], failover.refuseSeveralRouters,
    "A file store cannot close more than its own router."),
  rule("refuse-not-promotable", ["serving"], failover.refuseNotPromotable,
    "The standby's cluster could not carry out a promotion."),
  rule("refuse-not-in-sync", ["serving"], failover.refuseNotInSync,
    "A standby that is not in sync is never promoted without a human."),
  rule("refuse-block-period", ["serving"], failover.refuseBlockPeriod,
    "At most one automatic failover per block period."),

  // Serving: upkeep.
  rule("register-watchdog", ["serving"], members.registerWatchdog,
    "Every watchdog that takes part stands in the record, so that failsafe knows whose word it needs."),
  rule("repair-done", ["serving"], repair.repairDone,
    "Once the active region is mended, nothing more is owed."),
  rule("repair-goes-on", ["serving"], repair.repairGoesOn,
    "Mending the active region is carried on, by whoever decides now."),
  rule("repair-begins", ["serving"], repair.repairBegins,
    "Indices of the active region that refuse writes, by our own doing or by auto-follow's, are mended."),
  rule("rejoin-done", ["serving"], rejoin.rejoinDone,
    "A former primary that holds nothing of its own any more follows the active region."),
  rule("rejoin-goes-on", ["serving"], rejoin.rejoinGoesOn,
    "The return of a former primary is carried on, by whoever decides now."),
  rule("rejoin-waits", ["serving"], rejoin.rejoinWaits,
    "Nothing of a former primary is touched while either region is unwell, or automatic changes are paused."),
  rule("rejoin-begins", ["serving"], rejoin.rejoinBegins,
    "A former primary that is well again is fenced, salvaged, and then follows the region that took over."),
  rule("standby-joins", ["serving"], standby.standbyJoins,
    "A reachable region without managed indices of its own becomes the standby."),
  rule("standby-in-sync", ["serving"], standby.standbyInSync,
    "A standby that follows everything without lag may be promoted."),
  rule("standby-behind", ["serving"], standby.standbyBehind,
    "A standby that has not been in sync for a while, though its leader is well, is not promoted any more."),
  rule("write-blocks-forgotten", ["serving"], repair.writeBlocksForgotten,
    "Write blocks that a switchover left behind are looked for no longer once none of its requests can be under way."),
  rule("automatic-failback", ["serving"], failback.automaticFailback,
    "The first primary becomes active again by itself, by a switchover, where the configuration says so."),
  rule("in-sync-noted", ["serving"], standby.inSyncNoted,
    "When the standby was last in sync is noted now and then, for a watchdog that starts during an outage."),
  rule("standby-waits", ["serving"], standby.standbyWaits,
    "A region that cannot be the standby yet is left alone."),
  rule("steady", ["serving"], standby.steady,
    "Nothing to change; following is kept up."),
] as const satisfies readonly Rule[];

export type RuleId = (typeof rules)[number]["id"];
