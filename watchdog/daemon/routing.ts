import type { RouterSettings } from "../config/schema.ts";
import type { Router, RouterState, RoutingTicket } from "../core/ports.ts";
import type { StateRecord } from "../core/record.ts";
import { decideRouting, type RoutingDecision } from "../core/routing.ts";
import { messageOf } from "./loop.ts";
import { offsetMs } from "./self-trust.ts";
import type { RouterReport } from "./status.ts";
import type { Workings } from "./workings.ts";

/**
 * Keeps this host's router in step with the record: takes the lease, then reads the record (lease-first), then issues a
 * ticket or closes and acknowledges. Runs apart from probes and promotion, so that neither delays a renewal.
 */
export class RouterKeeper {
  readonly #workings: Workings;
  readonly #router: Router;
  readonly #settings: RouterSettings;
  #offsetMs: number;
  /** An epoch whose closing failed: until it is done no lease is renewed, so that the decider need not wait for ever. */
  #closeOwed: StateRecord | null = null;
  /** Until when a ticket whose issuing gave no answer could still be in effect. */
  #uncertainUntilMs = 0;
  #acknowledgedEpoch = 0;
  #leaseUntilMs: number | null = null;
  #ticket: RouterReport["ticket"] = null;
  #state: RouterState | null = null;
  #summary = "nothing done yet";
  #error: string | null = null;

  constructor(workings: Workings, router: Router, settings: RouterSettings) {
    this.#workings = workings;
    this.#router = router;
    this.#settings = settings;
    this.#offsetMs = offsetMs(workings.clock);
  }

  get intervalMs(): number {
    return this.#settings.ticketRenewalMs;
  }

  report(): RouterReport {
    return {
      name: this.#workings.config.name,
      summary: this.#summary,
      state: this.#state,
      ticket: this.#ticket,
      leaseUntilMs: this.#leaseUntilMs,
      acknowledgedEpoch: this.#acknowledgedEpoch,
      error: this.#error,
    };
  }

  /** One round. A round that fails leaves the ticket to run out. */
  async round(): Promise<void> {
    try {
      if (this.#closeOwed !== null) await this.#close(this.#closeOwed.epoch, this.#regions(), "closing is owed");
      this.#closeOwed = null;
      await this.#renew();
      this.#state = await this.#router.state();
      this.#failed(null);
    } catch (error) {
      this.#failed(messageOf(error));
    }
  }

  /**
   * Empties the ticket at once, whatever the present round waits for: HAProxy compares it with a wall clock that has just
   * been set, so it could outlive its lease. The next round gives out a new one.
   */
  async emptyTicket(): Promise<void> {
    const { knowledge } = this.#workings;
    await this.#router.close(knowledge.highestEpoch(), []);
    this.#ticket = null;
    this.#say("the wall clock was set: ticket emptied, a new one follows", true);
  }

  async #renew(): Promise<void> {
    const { clock, store, config, knowledge } = this.#workings;
    const leaseAskedAtMs = clock.nowMs();
    const { validForMs } = await store.renewRouterLease(config.name);
    this.#leaseUntilMs = leaseAskedAtMs + validForMs;
    const stored = await store.read();
    const record = stored?.record ?? null;
    const decision = decideRouting(
      {
        record,
        highestEpochSeen: knowledge.highestEpoch(),
        leaseAskedAtMs,
        leaseValidForMs: validForMs,
        clocksParted: this.#clocksParted(),
      },
      { ticketValidityMs: this.#settings.ticketValidityMs, leaseMarginMs: config.leases.marginMs },
    );
    await this.#carryOut(decision, record);
  }

  async #carryOut(decision: RoutingDecision, record: StateRecord | null): Promise<void> {
    switch (decision.kind) {
      case "issue": {
        await this.#issue(decision.ticket);
        const opens = this.#ticket?.epoch !== decision.ticket.epoch || this.#ticket.region !== decision.ticket.region;
        this.#ticket = decision.ticket;
        this.#say(decision.reason, opens);
        if (this.#acknowledgedEpoch < decision.ticket.epoch) await this.#acknowledge(decision.ticket.epoch);
        return;
      }
      case "close": {
        if (decision.acknowledge) this.#closeOwed = record;
        await this.#close(decision.epoch, decision.regions, decision.reason);
        this.#closeOwed = null;
        if (decision.acknowledge) await this.#acknowledgeClosing(decision.epoch);
        return;
      }
      case "wait":
        this.#say(decision.reason, this.#summary !== decision.reason);
        return;
      default:
        throw new Error(`unknown routing decision in ${JSON.stringify(decision satisfies never)}`);
    }
  }

  async #issue(ticket: RoutingTicket): Promise<void> {
    try {
      await this.#router.issueTicket(ticket);
    } catch (error) {
      // It may lie in the socket of a HAProxy that stands still, and be taken long after a later one.
      this.#uncertainUntilMs = Math.max(this.#uncertainUntilMs, ticket.validUntilMs);
      throw error;
    }
  }

  async #close(epoch: number, regions: readonly string[], reason: string): Promise<void> {
    await this.#router.close(epoch, regions);
    const wasOpen = this.#ticket !== null || this.#summary !== reason;
    this.#ticket = null;
    this.#say(reason, wasOpen);
  }

  /** Told anew in every round: a store that lost the acknowledgement with an expired lease hears it again. */
  async #acknowledgeClosing(epoch: number): Promise<void> {
    if (this.#workings.clock.nowMs() < this.#uncertainUntilMs) {
      throw new Error("closed, but a ticket whose issuing failed may still come into effect: it has to run out first");
    }
    await this.#acknowledge(epoch);
  }

  async #acknowledge(epoch: number): Promise<void> {
    await this.#workings.store.acknowledge(this.#workings.config.name, epoch);
    this.#acknowledgedEpoch = epoch;
    this.#workings.decide.ring();
  }

  /** Compared from round to round: a clock that is slewed slowly does no harm to tickets that live for seconds. */
  #clocksParted(): boolean {
    const offset = offsetMs(this.#workings.clock);
    const partedMs = Math.abs(offset - this.#offsetMs);
    this.#offsetMs = offset;
    return partedMs > this.#workings.config.leases.marginMs / 2;
  }

  #regions(): readonly string[] {
    return Object.keys(this.#workings.config.regions);
  }

  #say(summary: string, isNews: boolean): void {
    this.#summary = summary;
    const ticket = this.#ticket;
    const fields = { event: "router", region: ticket?.region ?? null, epoch: ticket?.epoch ?? null };
    if (isNews) this.#workings.log.info(fields, `router: ${summary}`);
  }

  #failed(error: string | null): void {
    if (error !== null && error !== this.#error) {
      this.#workings.log.warn({ event: "router-error", error }, `router: ${error}`);
    }
    this.#error = error;
  }
}
