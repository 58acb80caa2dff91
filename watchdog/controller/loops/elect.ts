import { memberOf } from "../../core/state/members.ts";
import type { WatchdogReport } from "../../core/state/report.ts";
import { messageOf } from "../../util/errors.ts";
import type { WatchdogContext } from "../context.ts";

/**
 * Keeps this watchdog in touch with the others: stands for, or stays in, the leadership, and exchanges what each one
 * sees. Runs apart from deciding, so that no look at a lost region delays the renewal of a leadership.
 */
export class Coordinator {
  readonly #context: WatchdogContext;
  #isRegistered = false;

  constructor(context: WatchdogContext) {
    this.#context = context;
  }

  /** One round. One that fails leaves this watchdog with its own eyes alone, and its leadership to its end. */
  async round(): Promise<void> {
    const { coordination, observed, wakeDecide } = this.#context;
    const before = summaryOf(this.#context);
    try {
      await this.#campaign();
      await coordination.publish(this.#sighting());
      observed.reports = await coordination.reports();
      await this.#register();
      observed.coordinationError = null;
    } catch (error) {
      observed.reports = [];
      observed.coordinationError = messageOf(error);
      throw error;
    } finally {
      if (summaryOf(this.#context) !== before) wakeDecide.trigger();
    }
  }

  /** For an orderly stop: another watchdog may lead at once. */
  async leave(): Promise<void> {
    const { coordination, observed } = this.#context;
    if (observed.leadershipUntilMonotonicMs === null) return;
    observed.loseLeadership(null);
    await coordination.resign();
  }

  async #campaign(): Promise<void> {
    const { coordination, observed, selfCheck, config, clock, log } = this.#context;
    if (selfCheck.blockers().length > 0) return this.leave();
    // A watchdog that the others have not heard of is not asked in failsafe, so it may not lead (rule promise).
    const { record } = observed;
    if (observed.storeError !== null) return;
    if (record !== null && !record.watchdogs.some(({ name }) => name === config.name)) return this.leave();
    const led = observed.isController(clock.monotonicMs());
    const campaign = await coordination.campaign();
    if (campaign.leading) observed.leadershipUntilMonotonicMs = campaign.untilMonotonicMs;
    else observed.loseLeadership(campaign.leader);
    if (campaign.leading !== led) {
      const sentence = campaign.leading ? "this watchdog decides" : `${campaign.leader ?? "another watchdog"} decides`;
      log.info({ event: "leadership", leading: campaign.leading }, sentence);
    }
  }

  /** While it blockers itself, its word must count for nothing. */
  #sighting(): WatchdogReport {
    const { observed, config, clock, selfCheck } = this.#context;
    const blockers = selfCheck.blockers();
    const unknown = { state: "unknown", failuresInARow: 0, successesInARow: 0, reason: blockers.join("; ") } as const;
    const { record, newestCopy } = observed;
    return {
      watchdog: config.name,
      site: config.site,
      regions:
        blockers.length === 0
          ? observed.regionReports()
          : Object.fromEntries(Object.keys(config.regions).map((region) => [region, unknown])),
      atMs: clock.nowMs(),
      epoch: observed.newest()?.epoch ?? null,
      copy: newestCopy !== null && newestCopy.epoch > (record?.epoch ?? 0) ? newestCopy : null,
    };
  }

  async #register(): Promise<void> {
    const { coordination, observed, config } = this.#context;
    const self = memberOf(config);
    // Looked at again in each round: a store that lost its contents has forgotten it.
    const known = await coordination.members();
    if (!known.some(({ name }) => name === self.name)) this.#isRegistered = false;
    if (!this.#isRegistered) await coordination.register(self);
    this.#isRegistered = true;
    observed.members = [...known.filter(({ name }) => name !== self.name), self];
  }
}

/** What decisions hang on: when it changes, there is news to decide on. */
function summaryOf({ observed, clock }: WatchdogContext): string {
  const states = observed.reports.map(({ watchdog, regions, copy }) => [
    watchdog,
    copy?.epoch ?? null,
    Object.entries(regions).map(([region, { state }]) => [region, state]),
  ]);
  return JSON.stringify([observed.isController(clock.monotonicMs()), observed.members, states]);
}
