import type { RegionName } from "../config/address.ts";
import type { WatchdogConfig } from "../config/schema.ts";

/** What the answers have of the watchdog's configuration. */
export interface AdoptionConfig extends Pick<WatchdogConfig, "replication" | "remoteClusterSecurity"> {
  readonly firstPrimary: RegionName | null;
  /** By region, where the answers give one. */
  readonly remoteAliases: Readonly<Record<RegionName, string>>;
  /** By region, where other clusters reach it, where the answers tell. */
  readonly remoteSeeds: Readonly<Record<RegionName, readonly string[]>>;
  /** By region, whether the watchdog uses an API key there, which people make. */
  readonly keyed: Readonly<Record<RegionName, boolean>>;
}

/** By region, the name under which the other region's cluster knows it. */
export type Aliases = Readonly<Record<RegionName, string>>;

/** Findings about one kind of thing, as sentences. */
export interface Judgement {
  /** What is there and stays as it is. */
  readonly takenOver: readonly string[];
  /** What the watchdog will do by itself once it runs, and what to know. */
  readonly notices: readonly string[];
  /** What has to be changed by people first, each with what to do. */
  readonly inTheWay: readonly string[];
}

export const judgement = (found: Partial<Judgement> = {}): Judgement => ({
  takenOver: [],
  notices: [],
  inTheWay: [],
  ...found,
});

export function together(judgements: readonly Judgement[]): Judgement {
  const all = (key: keyof Judgement) => judgements.flatMap((each) => each[key]);
  return { takenOver: all("takenOver"), notices: all("notices"), inTheWay: all("inTheWay") };
}
