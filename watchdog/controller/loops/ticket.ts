import type { Router, RoutingTicket } from "../../core/ports/router.ts";
import type { Clock } from "../../util/clock.ts";

/** The routing ticket in HAProxy, as far as this watchdog knows. */
export class TicketHolder {
  readonly #router: Router;
  readonly #clock: Clock;
  #current: RoutingTicket | null = null;
  /** Until when a ticket could still be in effect whose issuing gave no answer. */
  #uncertainUntilMs = 0;
  /** Until when such a ticket of the last run could: monotonic, so that a clock that is set back prolongs nothing. */
  readonly #lastRunUntilMs: number;

  constructor(router: Router, clock: Clock, ticketValidityMs: number) {
    this.#router = router;
    this.#clock = clock;
    this.#lastRunUntilMs = clock.monotonicMs() + ticketValidityMs;
  }

  /** The last ticket issued; null once it has been emptied. */
  get current(): RoutingTicket | null {
    return this.#current;
  }

  async issue(ticket: RoutingTicket): Promise<void> {
    try {
      await this.#router.issueTicket(ticket);
    } catch (error) {
      // It may wait in the socket of a stopped HAProxy, and take effect long after a later one.
      this.#uncertainUntilMs = Math.max(this.#uncertainUntilMs, ticket.validUntilMs);
      throw error;
    }
    this.#current = ticket;
  }

  /** Empties the ticket, and cuts the sessions to `regions`. */
  async empty(epoch: number, regions: readonly string[]): Promise<void> {
    await this.#router.close(epoch, regions);
    this.#current = null;
  }

  /** @throws Error while a ticket that was issued without an answer may still take effect */
  assertNoneUncertain(): void {
    if (this.#clock.nowMs() < this.#uncertainUntilMs || this.#clock.monotonicMs() < this.#lastRunUntilMs) {
      throw new Error("closed, but a ticket that HAProxy has not confirmed may still take effect: waiting for its end");
    }
  }
}
