import * as abort from "./abort.ts";
import * as closing from "./closing.ts";
import * as copies from "./copies.ts";
import * as deletions from "./deletions.ts";
import * as failback from "./failback.ts";
import * as failover from "./failover.ts";
import * as guards from "./guards.ts";
import * as hooks from "./hooks.ts";
import * as members from "./members.ts";
import * as operator from "./operator.ts";
import * as promoting from "./promoting.ts";
import * as recovery from "./record-recovery.ts";
import * as rejoin from "./rejoin.ts";
import * as repair from "./repair.ts";
import { everyPhase, type Rule, rule } from "./rule.ts";
import * as standby from "./standby.ts";

/**
 * Every decision, in order; the first rule that holds decides. Ids are stable: logs, history and metrics carry them. Each
 * transition that stops or allows writes raises the epoch. A region is promoted only from `closing` (closing-first), once
 * every router has acknowledged the epoch or lost its lease (ack-or-lease).
 */
// biome-ignore format: two lines per row
export const rules = [
  // Every phase.
  rule("store-unreachable", everyPhase, guards.storeUnreachable,
    "Without a store that takes writes nothing is decided."),
  rule("newer-version", everyPhase, guards.newerVersion,
    "A record of a newer version is obeyed and not changed."),
  rule("self-doubt", everyPhase, guards.selfDoubt,
    "A watchdog whose self-check fails takes no action."),
  rule("not-leading", everyPhase, guards.notLeading,
    "Only the controller decides; the other watchdogs observe."),
  rule("fill-store-from-copy", everyPhase, recovery.fillStoreFromCopy,
    "A store that is empty or was set back is filled from the newest copy on any watchdog's disk."),
  rule("filled-store-settles", everyPhase, recovery.filledStoreSettles,
    "One lease time to live after the store was filled, every earlier ticket has expired."),

  // No record.
  rule("first-primary", ["none"], recovery.firstPrimary,
    "Where there was never a record, the configured first primary becomes active, unless it is a follower."),
  rule("no-record", ["none"], recovery.noRecord,
    "Without a record no region is routed to."),

  // Closing and promoting: an operator asked to go back.
  rule("change-aborted", ["closing", "promoting"], abort.changeAborted,
    "A change that an operator aborts goes back to the old region: no router has opened to the new one."),
  rule("refuse-abort", ["closing", "promoting"], abort.refuseAbort,
    "An abort after which no region could serve, or that would lose acknowledged writes, is refused."),

  // Promoting: the plan is carried out.
  rule("promotion-done", ["promoting"], promoting.promotionDone,
    "Once every step is done and verified, routers open to the new region."),
  rule("promotion-undone", ["promoting"], promoting.promotionUndone,
    "A promotion is undone if the new region is lost before routers open to it and the old one is healthy again."),
  rule("promotion-given-up", ["promoting"], promoting.promotionGivenUp,
    "A promotion that fails for longer than its bound goes back to the old region, if that is healthy."),
  rule("switchover-undone", ["promoting"], promoting.switchoverUndone,
    "A switchover that turned back ends once the old region accepts writes again or is lost, or after its bound."),
  rule("switchover-given-up", ["promoting"], promoting.switchoverGivenUp,
    "A switchover turns back when writers have waited too long, or a region that it needs is lost."),
  rule("promotion-waits", ["promoting"], promoting.promotionWaits,
    "A promotion waits until its region answers; an overdue switchover, until it is known whether it turns back."),
  rule("promotion-goes-on", ["promoting"], promoting.promotionGoesOn,
    "A promotion, a switchover or its way back is carried out, whichever controller began it."),

  // Closing: every router stops routing to the old region.
  rule("closing-called-off", ["closing"], closing.closingCalledOff,
    "A failover is called off if the old region is healthy: an automatic one at once, an operator's after its bound."),
  rule("switchover-called-off", ["closing"], closing.switchoverCalledOff,
    "A switchover is called off if closing takes too long or a region that it needs is lost: nothing was changed yet."),
  rule("begin-promotion", ["closing"], closing.beginPromotion,
    "The promotion begins once no router can reach the old region."),
  rule("closing-waits", ["closing"], closing.closingWaits,
    "Until then the change waits for acknowledgements, or for leases to expire."),

  // Serving: a change that an operator asked for.
  rule("operator-failover", ["serving"], operator.operatorFailover,
    "A failover that an operator asked for begins: routers close."),
  rule("switchover", ["serving"], operator.switchover,
    "A switchover that an operator asked for, and that loses no write, begins: routers close."),
  rule("operator-hooks", ["serving"], operator.operatorHooks,
    "The hooks before closing run before a change that an operator asked for begins."),
  rule("refuse-request", ["serving"], operator.refuseRequest,
    "A request that cannot be granted is refused with every reason."),

  // Serving: the active region is lost.
  rule("failover", ["serving"], failover.failover,
    "The active region is lost and the standby can take over: routers close."),
  rule("failover-hooks", ["serving"], failover.failoverHooks,
    "The hooks before closing run before a failover begins, each within its bound."),
  rule("refuse-paused", ["serving"], failover.refusePaused,
    "No failover while an operator has paused automatic changes."),
  rule("refuse-both-unhealthy", ["serving"], failover.refuseBothUnhealthy,
    "No failover while the standby is not healthy either."),
  rule("refuse-several-routers", ["serving"], failover.refuseSeveralRouters,
    "No failover by a file store while another router holds a lease, as it could not be closed."),
  rule("refuse-not-promotable", ["serving"], failover.refuseNotPromotable,
    "No failover to a cluster that could not carry out the promotion."),
  rule("refuse-not-in-sync", ["serving"], failover.refuseNotInSync,
    "No automatic failover to a standby that is not in sync: an operator decides."),
  rule("refuse-block-period", ["serving"], failover.refuseBlockPeriod,
    "No automatic failover within the block period of the last one."),
  rule("refuse-hook", ["serving"], failover.refuseHook,
    "No automatic failover that a hook of the operators refuses, until the hooks run again."),

  // Serving: upkeep.
  rule("opening-hooks-ended", ["serving"], hooks.openingHooksEnded,
    "The hooks after an opening run once: it is noted that they have ended."),
  rule("register-watchdog", ["serving"], members.registerWatchdog,
    "Registers each live watchdog; failsafe requires an answer from all of them."),
  rule("forget-watchdog", ["serving"], members.forgetWatchdog,
    "Forgets a watchdog that was silent for long, so that it does not close routers when the store is lost."),
  rule("repair-done", ["serving"], repair.repairDone,
    "Once every step is done, the active region is repaired."),
  rule("repair-goes-on", ["serving"], repair.repairGoesOn,
    "A repair of the active region is carried out, whichever controller began it."),
  rule("repair-begins", ["serving"], repair.repairBegins,
    "Indices of the active region that refuse writes, as unexpected followers or by a marked write block, are repaired."),
  rule("rejoin-done", ["serving"], rejoin.rejoinDone,
    "A former primary without indices of its own follows the active region."),
  rule("rejoin-goes-on", ["serving"], rejoin.rejoinGoesOn,
    "The rejoin of a former primary is carried out, whichever controller began it."),
  rule("rejoin-waits", ["serving"], rejoin.rejoinWaits,
    "A rejoin waits while either region is not healthy, automatic changes are paused, or an operator has to decide."),
  rule("rejoin-begins", ["serving"], rejoin.rejoinBegins,
    "A former primary that is healthy again is fenced and salvaged, and then follows the active region."),
  rule("standby-joins", ["serving"], standby.standbyJoins,
    "A reachable region without managed indices of its own becomes the standby."),
  rule("standby-in-sync", ["serving"], standby.standbyInSync,
    "A standby that follows every index without lag may be promoted."),
  rule("standby-behind", ["serving"], standby.standbyBehind,
    "A standby that is no longer in sync, although its leader is healthy, is not promoted."),
  rule("deleted-leaders-noted", ["serving"], deletions.deletedLeadersNoted,
    "Where the configuration permits it, followers whose leaders were deleted are noted, to be deleted after a time."),
  rule("first-copies-noted", ["serving"], copies.firstCopiesNoted,
    "First copies that are not complete are noted: a restart of the whole standby ends them, and they are made again."),
  rule("write-blocks-forgotten", ["serving"], repair.writeBlocksForgotten,
    "The marks of write blocks are removed once all are lifted and no request for one can be under way."),
  rule("failback-hooks", ["serving"], failback.failbackHooks,
    "The hooks before closing run before an automatic failback begins."),
  rule("automatic-failback", ["serving"], failback.automaticFailback,
    "The first primary becomes active again by a switchover, where the configuration permits it."),
  rule("in-sync-noted", ["serving"], standby.inSyncNoted,
    "The last time in sync is recorded from time to time, for a watchdog that starts during an outage."),
  rule("active-unknown", ["serving"], failover.unknownActive,
    "An active region that refuses the watchdogs for long may be lost or not: an operator decides."),
  rule("standby-waits", ["serving"], standby.standbyWaits,
    "A region that cannot be the standby yet is not changed."),
  rule("steady", ["serving"], standby.steady,
    "Nothing changes; following is kept up."),
] as const satisfies readonly Rule[];

export type RuleId = (typeof rules)[number]["id"];
