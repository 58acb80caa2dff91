import { isRefusal } from "../../core/ports/store.ts";
import type { StateRecord } from "../../core/state/record.ts";
import { messageOf } from "../../util/errors.ts";
import type { WatchdogContext } from "../context.ts";
import type { Failsafe } from "./failsafe.ts";
import { RouterLeaseRenewal } from "./router-lease.ts";

/** What entitles a router to a ticket, and the record to route by. */
export interface Entitlement {
  readonly by: "lease" | "failsafe";
  /** Wall clock just before it was requested. */
  readonly askedAtMs: number;
  readonly validForMs: number;
  readonly record: StateRecord | null;
}

/** Takes the router's lease; while the store gives none, failsafe grants of all watchdogs replace it (invariant 10). */
export class EntitlementSource {
  readonly #context: WatchdogContext;
  readonly #failsafe: Failsafe;
  readonly #lease: RouterLeaseRenewal;

  constructor(context: WatchdogContext, failsafe: Failsafe) {
    this.#context = context;
    this.#failsafe = failsafe;
    this.#lease = new RouterLeaseRenewal(context);
  }

  /**
   * Asks for failsafe grants when the store has failed, and early enough that they arrive before the present ticket ends:
   * slow calls to the store may have used up most of it. While failsafe is blocked, the store keeps the rest of its time.
   *
   * @throws Error when neither entitles the router
   */
  async obtain(ticketUntilMs: number | null): Promise<Entitlement> {
    const { peers, clock, config } = this.#context;
    const deadlineMs = config.store.kind === "file" ? 0 : config.store.deadlineMs;
    const ticketForMs = ticketUntilMs === null ? 0 : ticketUntilMs - clock.nowMs();
    const latestMs = ticketForMs > 0 ? Math.max(0, ticketForMs - (config.failsafe?.timeoutMs ?? 0)) : deadlineMs;
    const patienceMs = Math.min(deadlineMs, latestMs);
    const lease = await this.#byLease(patienceMs);
    if ("by" in lease) return lease;
    if (peers === null) throw new Error(lease.storeError);
    const askedAtMs = clock.nowMs();
    const grants = await this.#failsafe.ask();
    if ("record" in grants) {
      return { by: "failsafe", askedAtMs, validForMs: config.leases.ttlMs, record: grants.record };
    }
    const lateLease =
      lease.isUnderWay && patienceMs < deadlineMs ? await this.#byLease(deadlineMs - patienceMs) : lease;
    if ("by" in lateLease) return lateLease;
    throw new Error(`the store gives no lease (${lateLease.storeError}), and failsafe: ${grants.blocker}`);
  }

  /** @throws Error when the store refuses */
  async #byLease(
    withinMs: number,
  ): Promise<Entitlement | { readonly isUnderWay: boolean; readonly storeError: string }> {
    try {
      const taken = await this.#lease.take(withinMs);
      if (taken === null) return { isUnderWay: true, storeError: "no answer in time" };
      return { by: "lease", ...taken };
    } catch (error) {
      this.#context.observed.noteStoreWrite(error);
      if (isRefusal(error)) throw error;
      return { isUnderWay: false, storeError: messageOf(error) };
    }
  }
}
