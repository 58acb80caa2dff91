import type { TrafficEvent } from "./protocol.ts";

/** A time without an acknowledged write although writers were at work. */
export interface Outage {
  /** The last acknowledgement before it. */
  readonly fromMs: number;
  /** The first acknowledgement after it; null while it lasts. */
  readonly toMs: number | null;
}

/** A time in which one region, and no other, accepted writes. */
export interface Turn {
  readonly region: string | null;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly writes: number;
}

interface Accepted {
  readonly atMs: number;
  readonly region: string | null;
}

/** Account of an application's requests. Times are wall-clock milliseconds since 1970. */
export class Ledger {
  /** Time of the acknowledgement, by document id. */
  readonly acknowledged = new Map<string, number>();
  writesFailed = 0;
  readsAnswered = 0;
  readsFailed = 0;
  /** Reason of the last failed request. */
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

  /** Ids of the writes that were acknowledged later than `sinceMs`. */
  acknowledgedSince(sinceMs: number): readonly string[] {
    return [...this.acknowledged].filter(([, atMs]) => atMs > sinceMs).map(([id]) => id);
  }

  /** The first acknowledgement later than `sinceMs`, or null. */
  firstAcknowledgedAfter(sinceMs: number): number | null {
    let first: number | null = null;
    for (const atMs of this.acknowledged.values()) {
      if (atMs > sinceMs && (first === null || atMs < first)) first = atMs;
    }
    return first;
  }

  /** The longest time without an acknowledged write between two moments; both count as its possible ends. */
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
   * Which region accepted writes when, over the ledgers of several applications, in the order of the acknowledgements.
   * Two regions that accept writes at overlapping times take many turns.
   */
  static turns(ledgers: readonly Ledger[], sinceMs = 0): readonly Turn[] {
    const accepted = ledgers
      .flatMap((ledger) => ledger.#accepted)
      .filter(({ atMs }) => atMs >= sinceMs)
      .sort((a, b) => a.atMs - b.atMs);
    const turns: Turn[] = [];
    for (const { atMs, region } of accepted) {
      const last = turns.at(-1);
      if (last?.region === region) turns[turns.length - 1] = { ...last, lastMs: atMs, writes: last.writes + 1 };
      else turns.push({ region, firstMs: atMs, lastMs: atMs, writes: 1 });
    }
    return turns;
  }
}
