import { memberOf } from "../../core/state/members.ts";
import type { WatchdogReport } from "../../core/state/report.ts";
import { messageOf } from "../../util/errors.ts";
import type { WatchdogContext } from "../context.ts";
import { canaryNow, deletedUuids, newerVersion, regionReports } from "../observations.ts";

/** Campaigns for the leadership, and exchanges reports with the other watchdogs. */
export class Coordinator {
  readonly #context: WatchdogContext;
  #isRegistered = false;

  constructor(context: WatchdogContext) {
    this.#context = context;
  }

  /** One round. On failure only local observations remain, and the leadership is left to expire. */
  async round(): Promise<void> {
    const { coordination, observed, clock, wakeDecide } = this.#context;
    const before = fingerprint(this.#context);
    try {
      await this.#campaign();
      await coordination.publish(this.#report());
      // Written in each round, so that a store which takes writes again is noticed by this.
      observed.noteStoreWrite(null);
      const reports = await coordination.reports();
      await this.#register();
      observed.noteReports(reports, clock.monotonicMs());
      observed.coordinationError = null;
    } catch (error) {
      observed.noteStoreWrite(error);
      observed.noteReports(null, clock.monotonicMs());
      observed.coordinationError = messageOf(error);
      throw error;
    } finally {
      if (fingerprint(this.#context) !== before) wakeDecide.trigger();
    }
  }

  /** For an orderly stop: another watchdog may take over at once. */
  async leave(): Promise<void> {
    const { coordination, observed } = this.#context;
    if (observed.leadershipUntilMonotonicMs === null) return;
    observed.loseLeadership(null);
    await coordination.resign();
  }

  async #campaign(): Promise<void> {
    const { coordination, observed, selfCheck, config, clock, log } = this.#context;
    if (selfCheck.blockers().length > 0) return this.leave();
    // A controller changes the record, which this version would cut down to what it reads.
    if (newerVersion(observed) !== null) return this.leave();
    const { record } = observed;
    if (observed.storeError !== null) return;
    // Failsafe asks only registered watchdogs, so no other may be the controller (rule promise). Where none is, no router
    // stays open by failsafe.
    const listed = record?.watchdogs ?? [];
    if (listed.length > 0 && !listed.some(({ name }) => name === config.name)) return this.leave();
    const led = observed.isController(clock.monotonicMs());
    const campaign = await coordination.campaign();
    if (campaign.leading) observed.leadershipUntilMonotonicMs = campaign.untilMonotonicMs;
    else observed.loseLeadership(campaign.leader);
    if (campaign.leading !== led) {
      const controller = campaign.leading ? "this watchdog" : (campaign.leader ?? "another watchdog");
      log.info({ event: "leadership", leading: campaign.leading }, `${controller} is the controller`);
    }
  }

  /** While the self-check fails, the report gives every region as "unknown", so that it does not count. */
  #report(): WatchdogReport {
    const { observed, config, clock, selfCheck } = this.#context;
    const blockers = selfCheck.blockers();
    const unknown = { state: "unknown", failuresInARow: 0, successesInARow: 0, reason: blockers.join("; ") } as const;
    const { record, newestCopy } = observed;
    const nowMs = clock.nowMs();
    return {
      watchdog: config.name,
      site: config.site,
      regions:
        blockers.length === 0
          ? regionReports(observed, nowMs)
          : Object.fromEntries(Object.keys(config.regions).map((region) => [region, unknown])),
      atMs: nowMs,
      epoch: observed.newest()?.epoch ?? null,
      deletedLeaders: blockers.length === 0 ? deletedUuids(this.#context) : null,
      canary: canaryNow(this.#context),
      copy: newestCopy !== null && newestCopy.epoch > (record?.epoch ?? 0) ? newestCopy : null,
    };
  }

  async #register(): Promise<void> {
    const { coordination, observed, config } = this.#context;
    const self = memberOf(config);
    // Checked in each round: a store that lost its contents has lost the registration.
    const members = await coordination.members();
    if (!members.some(({ name }) => name === self.name)) this.#isRegistered = false;
    if (!this.#isRegistered) await coordination.register(self);
    this.#isRegistered = true;
    const gone = members.filter(({ name }) => this.#isGone(name));
    for (const { name } of gone) await coordination.forget(name);
    observed.members = [...members.filter((one) => one.name !== self.name && !gone.includes(one)), self];
  }

  /** A registration that the record does not list any more. One that is new may not have been listed yet. */
  #isGone(name: string): boolean {
    const { record, silence } = this.#context.observed;
    const isListed = record?.watchdogs.some((member) => member.name === name) ?? true;
    return !isListed && (silence[name] ?? 0) > this.#context.config.leases.ttlMs;
  }
}

/** The input that decisions depend on: when it changes, there is something new to decide on. */
function fingerprint({ observed, clock }: WatchdogContext): string {
  const reports = observed.reports.map(({ watchdog, regions, copy }) => [
    watchdog,
    copy?.epoch ?? null,
    Object.entries(regions).map(([region, { state }]) => [region, state]),
  ]);
  return JSON.stringify([observed.isController(clock.monotonicMs()), observed.storeFull, observed.members, reports]);
}
