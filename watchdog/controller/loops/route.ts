import type { RouterSettings } from "../../config/schema.ts";
import type { Router, RouterState } from "../../core/ports/router.ts";
import { decideRouting, type RoutingDecision } from "../../core/routing.ts";
import type { StateRecord } from "../../core/state/record.ts";
import { type WritePause, writePause } from "../../core/state/write-pause.ts";
import { messageOf } from "../../util/errors.ts";
import { duration } from "../../util/text.ts";
import type { WatchdogContext } from "../context.ts";
import { wallClockOffsetMs } from "../self-check.ts";
import type { RouterReport } from "../status.ts";
import { type Entitlement, EntitlementSource } from "./entitlement.ts";
import type { Failsafe } from "./failsafe.ts";
import { TicketHolder } from "./ticket.ts";

/**
 * Reconciles this host's router with the record: takes the lease, then reads the record (lease-first), then issues a
 * ticket or closes and acknowledges.
 */
export class RouterReconciler {
  readonly #context: WatchdogContext;
  readonly #router: Router;
  readonly #settings: RouterSettings;
  readonly #entitlements: EntitlementSource;
  readonly #ticket: TicketHolder;
  #clockOffsetMs: number;
  /**
   * A record whose closing failed. No lease is renewed until it is closed, so that the controller need not wait for ever.
   */
  #closePending: StateRecord | null = null;
  #acknowledgedEpoch = 0;
  #leaseUntilMs: number | null = null;
  #state: RouterState | null = null;
  /** Of the last change; null while unknown. */
  #writePause: (WritePause & { readonly changeAtMs: number }) | null = null;
  #summary = "nothing done yet";
  #error: string | null = null;

  constructor(context: WatchdogContext, failsafe: Failsafe, router: Router, settings: RouterSettings) {
    this.#context = context;
    this.#router = router;
    this.#settings = settings;
    this.#entitlements = new EntitlementSource(context, failsafe);
    this.#ticket = new TicketHolder(router, context.clock.nowMs() + settings.ticketValidityMs);
    this.#clockOffsetMs = wallClockOffsetMs(context.clock);
  }

  get intervalMs(): number {
    return this.#settings.ticketRenewalMs;
  }

  /** The last ticket issued; null once it has been emptied. */
  get ticket(): RouterReport["ticket"] {
    return this.#ticket.current;
  }

  report(): RouterReport {
    return {
      name: this.#context.config.name,
      summary: this.#summary,
      state: this.#state,
      ticket: this.#ticket.current,
      leaseUntilMs: this.#leaseUntilMs,
      writePause: this.#writePause && { fromMs: this.#writePause.fromMs, toMs: this.#writePause.toMs },
      acknowledgedEpoch: this.#acknowledgedEpoch,
      error: this.#error,
    };
  }

  /** One round. On failure the ticket is left to expire. */
  async round(): Promise<void> {
    try {
      if (this.#closePending !== null) {
        const regions = Object.keys(this.#context.config.regions);
        await this.#close(this.#closePending.epoch, regions, "closing is pending");
      }
      this.#closePending = null;
      await this.#renew();
      this.#state = await this.#router.state();
      this.#noteWritePause(this.#state);
      this.#setError(null);
    } catch (error) {
      this.#setError(messageOf(error));
    }
  }

  /**
   * Empties the ticket at once, whatever the present round awaits: HAProxy compares the ticket with a wall clock that has
   * just been set, so it could outlive its lease. The next round issues a new one.
   */
  async emptyTicket(): Promise<void> {
    await this.#ticket.empty(this.#context.observed.highestEpoch(), []);
    this.#setSummary("the wall clock was set: ticket emptied, a new one follows", true);
  }

  async #renew(): Promise<void> {
    const entitlement = await this.#entitlements.obtain(this.#ticket.current?.validUntilMs ?? null);
    const { by, askedAtMs, validForMs, record } = entitlement;
    if (by === "lease") {
      this.#leaseUntilMs = askedAtMs + validForMs;
      if (record !== null) void this.#context.saveCopy(record);
    }
    await this.#carryOut(this.#decide(entitlement), record, by === "lease");
    if (by === "failsafe") {
      this.#setSummary(`${this.#summary}, by failsafe: the store gives no lease, every watchdog agrees`, false);
    }
  }

  #decide({ record, askedAtMs, validForMs }: Entitlement): RoutingDecision {
    const { clock, config, observed } = this.#context;
    const ticket = this.#ticket.current;
    return decideRouting(
      {
        record,
        highestEpochSeen: observed.highestEpoch(),
        leaseAskedAtMs: askedAtMs,
        leaseValidForMs: validForMs,
        clocksParted: this.#clocksParted(),
        openTo: ticket !== null && ticket.validUntilMs > clock.nowMs() ? ticket : null,
      },
      { ticketValidityMs: this.#settings.ticketValidityMs, leaseMarginMs: config.leases.marginMs },
    );
  }

  async #carryOut(decision: RoutingDecision, record: StateRecord | null, hasLease: boolean): Promise<void> {
    switch (decision.kind) {
      case "issue":
        return this.#issue(decision, hasLease);
      case "close":
        if (decision.acknowledge) this.#closePending = record;
        await this.#close(decision.epoch, this.#configured(decision.regions), decision.reason);
        this.#closePending = null;
        // An acknowledgement also confirms that this host keeps the record (rule known-to-a-majority).
        if (record !== null) await this.#context.saveCopy(record);
        if (decision.acknowledge && hasLease) await this.#acknowledgeClosing(decision.epoch);
        return;
      case "wait":
        this.#setSummary(decision.reason, this.#summary !== decision.reason);
        return;
      default:
        throw new Error(`unknown routing decision in ${JSON.stringify(decision satisfies never)}`);
    }
  }

  /** A record of a newer version may name none of the regions that it closes: then all of them are. */
  #configured(regions: readonly string[]): readonly string[] {
    const configured = Object.keys(this.#context.config.regions);
    return regions.every((region) => configured.includes(region)) ? regions : configured;
  }

  async #issue({ ticket, reason }: Extract<RoutingDecision, { kind: "issue" }>, hasLease: boolean): Promise<void> {
    const { epoch, region, validUntilMs } = ticket;
    const current = this.#ticket.current;
    const opens = current?.epoch !== epoch || current.region !== region;
    // A lease that came late must not shorten a ticket that was issued under a later one.
    if (!opens && (current?.validUntilMs ?? 0) >= validUntilMs) return;
    await this.#ticket.issue(ticket);
    this.#setSummary(reason, opens);
    if (hasLease && this.#acknowledgedEpoch < epoch) await this.#acknowledge(epoch);
  }

  async #close(epoch: number, regions: readonly string[], reason: string): Promise<void> {
    const isNews = this.#ticket.current !== null || this.#summary !== reason;
    await this.#ticket.empty(epoch, regions);
    this.#setSummary(reason, isNews);
  }

  /** Once for each change: a reload of HAProxy forgets the writes. */
  #noteWritePause({ writes }: RouterState): void {
    const { record } = this.#context.observed;
    const change = record?.lastFailover ?? null;
    if (record === null || change === null || this.#writePause?.changeAtMs === change.finishedAtMs) return;
    const pause = writePause(change, writes);
    this.#writePause = pause === null ? null : { ...pause, changeAtMs: change.finishedAtMs };
    if (pause === null) return;
    this.#context.log.info(
      { event: "router", region: change.to, epoch: record.epoch },
      `router: applications could not write through it for ${duration(pause.toMs - pause.fromMs)}`,
    );
  }

  /** Repeated in every round: a store may have lost the acknowledgement with an expired lease. */
  async #acknowledgeClosing(epoch: number): Promise<void> {
    this.#ticket.assertNoneUncertain(this.#context.clock.nowMs());
    await this.#acknowledge(epoch);
  }

  async #acknowledge(epoch: number): Promise<void> {
    await this.#context.store.acknowledge(this.#context.config.name, epoch);
    this.#acknowledgedEpoch = epoch;
    this.#context.wakeDecide.trigger();
  }

  /** Compared from round to round: slow slewing does no harm to tickets that live for seconds. */
  #clocksParted(): boolean {
    const offsetMs = wallClockOffsetMs(this.#context.clock);
    const partedMs = Math.abs(offsetMs - this.#clockOffsetMs);
    this.#clockOffsetMs = offsetMs;
    return partedMs > this.#context.config.leases.marginMs / 2;
  }

  #setSummary(summary: string, isNews: boolean): void {
    this.#summary = summary;
    const ticket = this.#ticket.current;
    const fields = { event: "router" as const, region: ticket?.region ?? null, epoch: ticket?.epoch ?? null };
    if (isNews) this.#context.log.info(fields, `router: ${summary}`);
  }

  #setError(error: string | null): void {
    if (error !== null && error !== this.#error) {
      this.#context.log.warn({ event: "router-error", error }, `router: ${error}`);
    }
    this.#error = error;
  }
}
