import type { StateRecord } from "../../core/state/record.ts";
import { within } from "../../util/concurrency.ts";
import type { WatchdogContext } from "../context.ts";

/** A lease, and the record as read after it was taken. */
export interface TakenLease {
  /** Wall clock just before the request. */
  readonly leaseAskedAtMs: number;
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

  /** A renewal that outlasts its round is awaited in the next one, never doubled. */
  take(): Promise<TakenLease> {
    const { clock, config } = this.#context;
    this.#underWay ??= this.#take().finally(() => {
      this.#underWay = null;
    });
    this.#underWay.catch(() => undefined);
    return config.store.kind === "file"
      ? this.#underWay
      : within(clock, config.store.deadlineMs, "the store", this.#underWay);
  }

  async #take(): Promise<TakenLease> {
    const { clock, store, config } = this.#context;
    const leaseAskedAtMs = clock.nowMs();
    const { validForMs } = await store.renewRouterLease(config.name);
    const stored = await store.read();
    return { leaseAskedAtMs, validForMs, record: stored?.record ?? null };
  }
}
