import { knownSelf } from "../../core/rules/situation.ts";
import type { Sighting } from "../../core/state/coordination.ts";
import { messageOf } from "../../util/errors.ts";
import type { Workings } from "../context.ts";

/**
 * Keeps this watchdog in touch with the others: stands for, or stays in, the leadership, and exchanges what each one
 * sees. Runs apart from deciding, so that no look at a lost region delays the renewal of a leadership.
 */
export class Coordinator {
  readonly #workings: Workings;
  #isRegistered = false;

  constructor(workings: Workings) {
    this.#workings = workings;
  }

  /** One round. One that fails leaves this watchdog with its own eyes alone, and its leadership to its end. */
  async round(): Promise<void> {
    const { coordination, knowledge, decide } = this.#workings;
    const before = summaryOf(this.#workings);
    try {
      await this.#campaign();
      await coordination.publish(this.#sighting());
      knowledge.sightings = await coordination.sightings();
      await this.#register();
      knowledge.coordinationError = null;
    } catch (error) {
      knowledge.sightings = [];
      knowledge.coordinationError = messageOf(error);
      throw error;
    } finally {
      if (summaryOf(this.#workings) !== before) decide.ring();
    }
  }

  /** For an orderly stop: another watchdog may lead at once. */
  async leave(): Promise<void> {
    const { coordination, knowledge } = this.#workings;
    if (knowledge.leadershipUntilMonotonicMs === null) return;
    knowledge.leadershipLost(null);
    await coordination.resign();
  }

  async #campaign(): Promise<void> {
    const { coordination, knowledge, self, config, clock, log } = this.#workings;
    if (self.doubts().length > 0) return this.leave();
    // A watchdog that the others have not heard of is not asked in failsafe, so it may not lead (rule promise).
    const { record } = knowledge;
    if (knowledge.storeError !== null) return;
    if (record !== null && !record.watchdogs.some(({ name }) => name === config.name)) return this.leave();
    const led = knowledge.leads(clock.monotonicMs());
    const campaign = await coordination.campaign();
    if (campaign.leading) knowledge.leadershipUntilMonotonicMs = campaign.untilMonotonicMs;
    else knowledge.leadershipLost(campaign.leader);
    if (campaign.leading !== led) {
      const sentence = campaign.leading ? "this watchdog decides" : `${campaign.leader ?? "another watchdog"} decides`;
      log.info({ event: "leadership", leading: campaign.leading }, sentence);
    }
  }

  /** While it doubts itself, its word must count for nothing. */
  #sighting(): Sighting {
    const { knowledge, config, clock, self } = this.#workings;
    const doubts = self.doubts();
    const unknown = { state: "unknown", failuresInARow: 0, successesInARow: 0, reason: doubts.join("; ") } as const;
    const { record, newestCopy } = knowledge;
    return {
      watchdog: config.name,
      site: config.site,
      regions:
        doubts.length === 0
          ? knowledge.sightingOfRegions()
          : Object.fromEntries(Object.keys(config.regions).map((region) => [region, unknown])),
      atMs: clock.nowMs(),
      epoch: knowledge.newest()?.epoch ?? null,
      copy: newestCopy !== null && newestCopy.epoch > (record?.epoch ?? 0) ? newestCopy : null,
    };
  }

  async #register(): Promise<void> {
    const { coordination, knowledge, config } = this.#workings;
    const self = knownSelf(config);
    // Looked at again in each round: a store that lost its contents has forgotten it.
    const known = await coordination.knownWatchdogs();
    if (!known.some(({ name }) => name === self.name)) this.#isRegistered = false;
    if (!this.#isRegistered) await coordination.register(self);
    this.#isRegistered = true;
    knowledge.known = [...known.filter(({ name }) => name !== self.name), self];
  }
}

/** What decisions hang on: when it changes, there is news to decide on. */
function summaryOf({ knowledge, clock }: Workings): string {
  const states = knowledge.sightings.map(({ watchdog, regions, copy }) => [
    watchdog,
    copy?.epoch ?? null,
    Object.entries(regions).map(([region, { state }]) => [region, state]),
  ]);
  return JSON.stringify([knowledge.leads(clock.monotonicMs()), knowledge.known, states]);
}
