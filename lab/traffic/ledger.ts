import type { TrafficEvent } from "./protocol.ts";

/** A stretch of time in which no write was acknowledged although writers were at work. */
export interface Outage {
  /** The last acknowledgement before it. */
  readonly fromMs: number;
  /** The first acknowledgement after it; null while it lasts. */
  readonly toMs: number | null;
}

/** A stretch of time in which one region, and no other, accepted writes. */
export interface Reign {
  readonly region: string | null;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly writes: number;
}

interface Accepted {
  readonly atMs: number;
  readonly region: string | null;
}

/** Keeps the account of every request: what was acknowledged, what failed, when. */
export class Ledger {
  readonly acknowledged = new Map<string, number>();
  writesFailed = 0;
  readsAnswered = 0;
  readsFailed = 0;
  /** What the last failed request said. */
  lastFailure: string | null = null;
  readonly #accepted: Accepted[] = [];
  #lastAcknowledgedMs: number | null = null;

  add(event: TrafficEvent): void {
    switch (event.event) {
      case "write-acknowledged":
        this.acknowledged.set(event.id, event.atMs);
        this.#accepted.push(event);
        this.#lastAcknowledgedMs = event.atMs;
        break;
      case "write-failed":
        this.writesFailed++;
        this.lastFailure = event.reason;
        break;
      case "read-answered":
        this.readsAnswered++;
        break;
      case "read-failed":
        this.readsFailed++;
        this.lastFailure = event.reason;
        break;
      case "started":
      case "stopped":
      case "verified":
        break;
      default:
        event satisfies never;
    }
  }

  get lastAcknowledgedMs(): number | null {
    return this.#lastAcknowledgedMs;
  }

  /** The first acknowledgement later than `sinceMs`, or null. */
  firstAcknowledgedAfter(sinceMs: number): number | null {
    let first: number | null = null;
    for (const atMs of this.acknowledged.values()) {
      if (atMs > sinceMs && (first === null || atMs < first)) first = atMs;
    }
    return first;
  }

  /** The longest stretch without an acknowledged write between two moments; its ends are acknowledgements or the moments. */
  longestOutage(fromMs: number, toMs: number): Outage {
    const times = [...this.acknowledged.values()]
      .filter((atMs) => atMs >= fromMs && atMs <= toMs)
      .sort((a, b) => a - b);
    let longest: Outage = { fromMs, toMs: times[0] ?? null };
    const lengthOf = (outage: Outage) => (outage.toMs ?? toMs) - outage.fromMs;
    for (const [position, atMs] of times.entries()) {
      const outage: Outage = { fromMs: atMs, toMs: times[position + 1] ?? null };
      if (lengthOf(outage) > lengthOf(longest)) longest = outage;
    }
    return longest;
  }

  /**
   * Which region accepted writes when, over the accounts of several applications: in the order of the
   * acknowledgements, so two regions that accept writes at overlapping times take turns.
   */
  static reigns(ledgers: readonly Ledger[], sinceMs = 0): readonly Reign[] {
    const accepted = ledgers
      .flatMap((ledger) => ledger.#accepted)
      .filter(({ atMs }) => atMs >= sinceMs)
      .sort((a, b) => a.atMs - b.atMs);
    const reigns: Reign[] = [];
    for (const { atMs, region } of accepted) {
      const last = reigns.at(-1);
      if (last?.region === region) reigns[reigns.length - 1] = { ...last, lastMs: atMs, writes: last.writes + 1 };
      else reigns.push({ region, firstMs: atMs, lastMs: atMs, writes: 1 });
    }
    return reigns;
  }
}
