import type { StateRecord } from "../../core/state/record.ts";
import { within } from "../../util/concurrency.ts";
import type { WatchdogContext } from "../context.ts";

/** A lease, and the record as read after it was taken. */
export interface TakenLease {
  /** Wall clock just before the request. */
  readonly askedAtMs: number;
  readonly validForMs: number;
  readonly record: StateRecord | null;
}

/** Takes and renews the router's lease, then reads the record (rule lease-first). */
export class RouterLeaseRenewal {
  readonly #context: WatchdogContext;
  #underWay: Promise<TakenLease> | null = null;

  constructor(context: WatchdogContext) {
    this.#context = context;
  }

  /**
   * Null when there is no answer within that time. A renewal that outlasts it is awaited by the next call, never doubled.
   */
  async take(withinMs: number): Promise<TakenLease | null> {
    const { clock, config } = this.#context;
    this.#underWay ??= this.#take().finally(() => {
      this.#underWay = null;
    });
    this.#underWay.catch(() => undefined);
    if (config.store.kind === "file") return this.#underWay;
    try {
      return await within(clock, withinMs, "the store", this.#underWay);
    } catch (error) {
      if (this.#underWay !== null) return null;
      throw error;
    }
  }

  async #take(): Promise<TakenLease> {
    const { clock, store, config } = this.#context;
    const askedAtMs = clock.nowMs();
    const { validForMs } = await store.renewRouterLease(config.name);
    const stored = await store.read();
    return { askedAtMs, validForMs, record: stored?.record ?? null };
  }
}
