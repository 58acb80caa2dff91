import type { Clock } from "../util/clock.ts";

/** How often the watchdog takes its own pulse. */
export const SELF_CHECK_INTERVAL_MS = 500;

export interface SelfCheckLimits {
  /** A pulse later than this, or clocks that part by more, is a reason for doubt. */
  readonly toleranceMs: number;
  /** How long all must be well until the watchdog trusts itself again. */
  readonly holdMs: number;
}

/**
 * Whether this process may trust what it knows. A stalled event loop, a frozen or suspended host and a clock that was
 * set all make old news look new; after one of them nothing is done until fresh observations have come in.
 */
export class SelfCheck {
  readonly #clock: Clock;
  readonly #limits: SelfCheckLimits;
  #lastHeartbeatMs: number;
  #offsetMs: number;
  #blocker: { readonly reason: string; readonly untilMonotonicMs: number } | null = null;
  #clockJumped = false;

  constructor(clock: Clock, limits: SelfCheckLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#lastHeartbeatMs = clock.monotonicMs();
    this.#offsetMs = wallClockOffsetMs(clock);
  }

  /** To be called every PULSE_MS. */
  heartbeat(): void {
    this.#examine();
    this.#lastHeartbeatMs = this.#clock.monotonicMs();
  }

  /** True once after each jump of the wall clock. */
  takeClockJump(): boolean {
    const jumped = this.#clockJumped;
    this.#clockJumped = false;
    return jumped;
  }

  /** Reasons for doubt now. Looks itself, so that no action slips in between a stall and the pulse that follows it. */
  blockers(): readonly string[] {
    this.#examine();
    if (this.#blocker === null) return [];
    const leftMs = this.#blocker.untilMonotonicMs - this.#clock.monotonicMs();
    if (leftMs > 0) return [`${this.#blocker.reason}; waiting ${(leftMs / 1000).toFixed(1)} s more`];
    this.#blocker = null;
    return [];
  }

  #examine(): void {
    const nowMs = this.#clock.monotonicMs();
    const lateMs = nowMs - this.#lastHeartbeatMs - SELF_CHECK_INTERVAL_MS;
    if (lateMs > this.#limits.toleranceMs) this.#raise(`the process stood still for ${Math.round(lateMs)} ms`);
    const offset = wallClockOffsetMs(this.#clock);
    const partedMs = offset - this.#offsetMs;
    // Small corrections, such as those of NTP, move the baseline; only a jump is a reason for doubt.
    this.#offsetMs = offset;
    if (Math.abs(partedMs) > this.#limits.toleranceMs) {
      this.#clockJumped = true;
      this.#raise(`the wall clock jumped by ${Math.round(partedMs)} ms against the monotonic one`);
    }
  }

  #raise(reason: string): void {
    this.#blocker = { reason, untilMonotonicMs: this.#clock.monotonicMs() + this.#limits.holdMs };
  }
}

/** How far the wall clock is ahead of the monotonic one: constant, as long as nobody sets it. */
export const wallClockOffsetMs = (clock: Clock) => clock.nowMs() - clock.monotonicMs();
