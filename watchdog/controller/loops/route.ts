import type { RouterSettings } from "../../config/schema.ts";
import type { Router, RouterState, RoutingTicket } from "../../core/ports/router.ts";
import { decideRouting, type RoutingDecision } from "../../core/routing.ts";
import type { StateRecord } from "../../core/state/record.ts";
import { messageOf } from "../../util/errors.ts";
import { within } from "../../util/loop.ts";
import type { WatchdogContext } from "../context.ts";
import { wallClockOffsetMs } from "../self-check.ts";
import type { RouterReport } from "../status.ts";
import type { Failsafe } from "./failsafe.ts";

/** A lease, and the record as read after it was taken. */
interface Granted {
  readonly leaseAskedAtMs: number;
  readonly validForMs: number;
  readonly record: StateRecord | null;
}

/** The store was reached and said no: going on without it would be going on against it. */
const isRefusal = (error: unknown) => error instanceof Error && "kind" in error && error.kind === "rejected";

/**
 * Keeps this host's router in step with the record: takes the lease, then reads the record (lease-first), then issues a
 * ticket or closes and acknowledges. Runs apart from probes and promotion, so that neither delays a renewal.
 */
export class RouterReconciler {
  readonly #context: WatchdogContext;
  readonly #failsafe: Failsafe;
  readonly #router: Router;
  readonly #settings: RouterSettings;
  #offsetMs: number;
  #renewal: Promise<Granted> | null = null;
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

  constructor(context: WatchdogContext, failsafe: Failsafe, router: Router, settings: RouterSettings) {
    this.#context = context;
    this.#failsafe = failsafe;
    this.#router = router;
    this.#settings = settings;
    this.#offsetMs = wallClockOffsetMs(context.clock);
  }

  get intervalMs(): number {
    return this.#settings.ticketRenewalMs;
  }

  /** The ticket given out last that has not been emptied. */
  get ticket(): RouterReport["ticket"] {
    return this.#ticket;
  }

  report(): RouterReport {
    return {
      name: this.#context.config.name,
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
    const { observed } = this.#context;
    await this.#router.close(observed.highestEpoch(), []);
    this.#ticket = null;
    this.#say("the wall clock was set: ticket emptied, a new one follows", true);
  }

  /** Rule lease-first. A renewal that outlasts its round is waited for in the next one, never doubled. */
  #takeLease(): Promise<Granted> {
    const { clock, store, config } = this.#context;
    const take = async (): Promise<Granted> => {
      const leaseAskedAtMs = clock.nowMs();
      const { validForMs } = await store.renewRouterLease(config.name);
      const stored = await store.read();
      return { leaseAskedAtMs, validForMs, record: stored?.record ?? null };
    };
    this.#renewal ??= take().finally(() => {
      this.#renewal = null;
    });
    this.#renewal.catch(() => undefined);
    return config.store.kind === "file"
      ? this.#renewal
      : within(clock, config.store.deadlineMs, "the store", this.#renewal);
  }

  async #renew(): Promise<void> {
    let granted: Granted;
    try {
      granted = await this.#takeLease();
    } catch (error) {
      if (this.#context.peers === null || isRefusal(error)) throw error;
      return this.#goOnWithoutStore(messageOf(error));
    }
    const { leaseAskedAtMs, validForMs, record } = granted;
    this.#leaseUntilMs = leaseAskedAtMs + validForMs;
    if (record !== null) void this.#context.saveCopy(record);
    await this.#carryOut(this.#decide(record, leaseAskedAtMs, validForMs), record, true);
  }

  /** Invariant 10: while all watchdogs agree, their word stands in for the lease. */
  async #goOnWithoutStore(storeError: string): Promise<void> {
    const { clock, config } = this.#context;
    const askedAtMs = clock.nowMs();
    const outcome = await this.#failsafe.ask();
    if ("fault" in outcome)
      throw new Error(`the store does not answer (${storeError}), and failsafe: ${outcome.fault}`);
    const decision = this.#decide(outcome.record, askedAtMs, config.leases.ttlMs);
    await this.#carryOut(decision, outcome.record, false);
    this.#say(`${this.#summary}, by the word of every watchdog: the store does not answer`, false);
  }

  #decide(record: StateRecord | null, leaseAskedAtMs: number, leaseValidForMs: number): RoutingDecision {
    const { clock, config, observed } = this.#context;
    const ticket = this.#ticket;
    return decideRouting(
      {
        record,
        highestEpochSeen: observed.highestEpoch(),
        leaseAskedAtMs,
        leaseValidForMs,
        clocksParted: this.#clocksParted(),
        openTo: ticket !== null && ticket.validUntilMs > clock.nowMs() ? ticket : null,
      },
      { ticketValidityMs: this.#settings.ticketValidityMs, leaseMarginMs: config.leases.marginMs },
    );
  }

  async #carryOut(decision: RoutingDecision, record: StateRecord | null, hasLease: boolean): Promise<void> {
    switch (decision.kind) {
      case "issue": {
        const { epoch, region, validUntilMs } = decision.ticket;
        const opens = this.#ticket?.epoch !== epoch || this.#ticket.region !== region;
        // A lease that came late must not shorten a ticket that was given out under a later one.
        if (!opens && (this.#ticket?.validUntilMs ?? 0) >= validUntilMs) return;
        await this.#issue(decision.ticket);
        this.#ticket = decision.ticket;
        this.#say(decision.reason, opens);
        if (hasLease && this.#acknowledgedEpoch < epoch) await this.#acknowledge(epoch);
        return;
      }
      case "close": {
        if (decision.acknowledge) this.#closeOwed = record;
        await this.#close(decision.epoch, decision.regions, decision.reason);
        this.#closeOwed = null;
        // An acknowledgement says, too, that this host keeps the record (rule known-to-a-majority).
        if (record !== null) await this.#context.saveCopy(record);
        if (decision.acknowledge && hasLease) await this.#acknowledgeClosing(decision.epoch);
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
    if (this.#context.clock.nowMs() < this.#uncertainUntilMs) {
      throw new Error("closed, but a ticket whose issuing failed may still come into effect: it has to run out first");
    }
    await this.#acknowledge(epoch);
  }

  async #acknowledge(epoch: number): Promise<void> {
    await this.#context.store.acknowledge(this.#context.config.name, epoch);
    this.#acknowledgedEpoch = epoch;
    this.#context.wakeDecide.trigger();
  }

  /** Compared from round to round: a clock that is slewed slowly does no harm to tickets that live for seconds. */
  #clocksParted(): boolean {
    const offset = wallClockOffsetMs(this.#context.clock);
    const partedMs = Math.abs(offset - this.#offsetMs);
    this.#offsetMs = offset;
    return partedMs > this.#context.config.leases.marginMs / 2;
  }

  #regions(): readonly string[] {
    return Object.keys(this.#context.config.regions);
  }

  #say(summary: string, isNews: boolean): void {
    this.#summary = summary;
    const ticket = this.#ticket;
    const fields = { event: "router", region: ticket?.region ?? null, epoch: ticket?.epoch ?? null };
    if (isNews) this.#context.log.info(fields, `router: ${summary}`);
  }

  #failed(error: string | null): void {
    if (error !== null && error !== this.#error) {
      this.#context.log.warn({ event: "router-error", error }, `router: ${error}`);
    }
    this.#error = error;
  }
}
