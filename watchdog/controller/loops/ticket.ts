import type { Router, RoutingTicket } from "../../core/ports/router.ts";

/** The routing ticket in HAProxy, as far as this watchdog knows. */
export class TicketHolder {
  readonly #router: Router;
  #current: RoutingTicket | null = null;
  /** Until when a ticket could still be in effect whose issuing gave no answer. */
  #uncertainUntilMs: number;

  /** @param validUntilMsMax until when a ticket may be valid that an earlier run of this watchdog got no answer for */
  constructor(router: Router, validUntilMsMax: number) {
    this.#router = router;
    this.#uncertainUntilMs = validUntilMsMax;
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
  assertNoneUncertain(nowMs: number): void {
    if (nowMs < this.#uncertainUntilMs) {
      throw new Error("closed, but a ticket that HAProxy has not confirmed may still take effect: waiting for its end");
    }
  }
}
