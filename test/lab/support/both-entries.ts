import type { Region } from "../../../lab/system/configuration.ts";
import type { TwoRegions } from "../../../lab/system/two-regions.ts";
import { Ledger, type Turn } from "../../../lab/traffic/ledger.ts";
import type { Traffic } from "../../../lab/traffic/traffic.ts";
import { acknowledged } from "./application.ts";

/** One writer and a reader at each entry: enough to see every change, and little enough to leave the machine alone. */
const LOAD = { writers: 1, pauseMs: 50, timeoutMs: 2_000 } as const;

/**
 * Applications at the entries of both regions, each of which knows the entry of its own region alone and writes to an
 * index of its own: whether two regions accept writes at the same time shows only where both routers are asked.
 */
export class BothEntries {
  readonly gra: Traffic;
  readonly bhs: Traffic;

  private constructor(gra: Traffic, bhs: Traffic) {
    this.gra = gra;
    this.bhs = bhs;
  }

  /** @param name what the names of the applications' indices begin with */
  static async start(system: TwoRegions, name: string): Promise<BothEntries> {
    const at = async (region: Region) => {
      const { url } = await system.entry(region);
      return system.traffic(`${name}-by-way-of-${region}`, LOAD, [url]);
    };
    return new BothEntries(await at("gra"), await at("bhs"));
  }

  /** Which region accepted writes when, whichever entry they came by. */
  reigns(sinceMs: number): readonly Turn[] {
    return Ledger.turns([this.gra.ledger, this.bhs.ledger], sinceMs);
  }

  /** The regions of `reigns`: two that accept writes at overlapping times stand there again and again. */
  regionsInOrder(sinceMs: number): readonly (string | null)[] {
    return this.reigns(sinceMs).map(({ region }) => region);
  }

  /** Waits until both entries serve; by now the regions may have changed. */
  async served(withinMs = 60_000): Promise<void> {
    await Promise.all([this.gra, this.bhs].map((traffic) => acknowledged(traffic, 10, withinMs)));
  }

  /** Acknowledged writes that the active region does not have, by the entry they came by; the load goes on. */
  async missing(): Promise<Readonly<Record<Region, readonly string[]>>> {
    const [gra, bhs] = await Promise.all([this.gra.verify(), this.bhs.verify()]);
    return { gra: gra.missing, bhs: bhs.missing };
  }

  async close(): Promise<void> {
    await Promise.all([this.gra.close(), this.bhs.close()]);
  }
}

/** What `missing` says when every acknowledged write is there. */
export const noneMissing = { gra: [], bhs: [] };
