import type { Region } from "../../../lab/system/configuration.ts";
import type { TwoRegions } from "../../../lab/system/two-regions.ts";
import { Ledger } from "../../../lab/traffic/ledger.ts";
import type { Traffic } from "../../../lab/traffic/traffic.ts";
import { acknowledged } from "./application.ts";

/** One writer and one reader per entry: enough to record every change without loading the machine. */
const LOAD = { writers: 1, pauseMs: 50, timeoutMs: 2_000 } as const;

/**
 * An application at the entry of each region, which knows that entry alone and writes to an index of its own: only
 * requests to both routers show whether two regions accept writes at the same time.
 */
export class BothEntries {
  readonly gra: Traffic;
  readonly bhs: Traffic;

  private constructor(gra: Traffic, bhs: Traffic) {
    this.gra = gra;
    this.bhs = bhs;
  }

  /** @param name prefix of the applications' indices */
  static async start(system: TwoRegions, name: string): Promise<BothEntries> {
    const at = async (region: Region) => {
      const { url } = await system.entry(region);
      return system.traffic(`${name}-by-way-of-${region}`, LOAD, [url]);
    };
    return new BothEntries(await at("gra"), await at("bhs"));
  }

  /** The regions that accepted writes, over both entries: two that do so at overlapping times alternate in it. */
  regionsInOrder(sinceMs: number): readonly (string | null)[] {
    return Ledger.turns([this.gra.ledger, this.bhs.ledger], sinceMs).map(({ region }) => region);
  }

  /** Waits until both entries serve. */
  async served(withinMs = 60_000): Promise<void> {
    await Promise.all([this.gra, this.bhs].map((traffic) => acknowledged(traffic, 10, withinMs)));
  }

  /** Acknowledged writes that the active region lacks, by the entry that took them; the load continues. */
  async missing(): Promise<Readonly<Record<Region, readonly string[]>>> {
    const [gra, bhs] = await Promise.all([this.gra.verify(), this.bhs.verify()]);
    return { gra: gra.missing, bhs: bhs.missing };
  }

  async close(): Promise<void> {
    await Promise.all([this.gra.close(), this.bhs.close()]);
  }
}

/** The result of `missing` when every acknowledged write exists. */
export const noneMissing = { gra: [], bhs: [] };
