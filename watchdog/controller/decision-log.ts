import type { Ruling } from "../core/rules/decide.ts";
import type { Decision } from "./status.ts";

const DECISIONS_KEPT = 50;

/** The rulings of this watchdog, for the loops that follow the latest one and for `status`. */
export class DecisionLog {
  #latest: Ruling | null = null;
  #entries: readonly Decision[] = [];

  get latest(): Ruling | null {
    return this.#latest;
  }

  /** Newest first. */
  get entries(): readonly Decision[] {
    return this.#entries;
  }

  add(ruling: Ruling, atMs: number): void {
    this.#latest = ruling;
    const { rule, explanation } = ruling;
    const decision: Decision = { atMs, rule, epoch: ruling.record?.epoch ?? null, explanation };
    const [last, ...older] = this.#entries;
    // A repeated ruling keeps its entry and time, with the newest explanation, in which counts go up.
    const repeats = last !== undefined && last.rule === decision.rule && last.epoch === decision.epoch;
    this.#entries = repeats
      ? [{ ...decision, atMs: last.atMs }, ...older]
      : [decision, ...this.#entries].slice(0, DECISIONS_KEPT);
  }
}
