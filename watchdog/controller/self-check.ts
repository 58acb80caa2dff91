import type { Clock } from "../util/clock.ts";

/** Interval of the heartbeat. */
export const SELF_CHECK_INTERVAL_MS = 500;

export interface SelfCheckLimits {
  /** A heartbeat later than this, or a larger jump between the clocks, fails the check. */
  readonly toleranceMs: number;
  /** How long a failed check blocks actions. */
  readonly holdMs: number;
}

/**
 * Checks whether this process may rely on what it has observed. A stalled event loop, a frozen or suspended host and a
 * clock that was set all make old observations look new; afterwards nothing is done until fresh ones have come in.
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

  /** To be called every SELF_CHECK_INTERVAL_MS. */
  heartbeat(): void {
    this.#check();
    this.#lastHeartbeatMs = this.#clock.monotonicMs();
  }

  /** True once after each jump of the wall clock. */
  takeClockJump(): boolean {
    const jumped = this.#clockJumped;
    this.#clockJumped = false;
    return jumped;
  }

  /** Why nothing may be done now. Checks by itself, so that no action slips in between a stall and the next heartbeat. */
  blockers(): readonly string[] {
    this.#check();
    if (this.#blocker === null) return [];
    const leftMs = this.#blocker.untilMonotonicMs - this.#clock.monotonicMs();
    if (leftMs > 0) return [`${this.#blocker.reason}; waiting ${(leftMs / 1000).toFixed(1)} s more`];
    this.#blocker = null;
    return [];
  }

  #check(): void {
    const nowMs = this.#clock.monotonicMs();
    const lateMs = nowMs - this.#lastHeartbeatMs - SELF_CHECK_INTERVAL_MS;
    if (lateMs > this.#limits.toleranceMs) this.#block(`the process stalled for ${Math.round(lateMs)} ms`);
    const offsetMs = wallClockOffsetMs(this.#clock);
    const jumpMs = offsetMs - this.#offsetMs;
    // Small corrections, such as those of NTP, move the baseline; only a jump fails the check.
    this.#offsetMs = offsetMs;
    if (Math.abs(jumpMs) > this.#limits.toleranceMs) {
      this.#clockJumped = true;
      this.#block(`the wall clock jumped by ${Math.round(jumpMs)} ms against the monotonic one`);
    }
  }

  #block(reason: string): void {
    this.#blocker = { reason, untilMonotonicMs: this.#clock.monotonicMs() + this.#limits.holdMs };
  }
}

/** How far the wall clock is ahead of the monotonic one: constant until the wall clock is set. */
export const wallClockOffsetMs = (clock: Clock) => clock.nowMs() - clock.monotonicMs();
