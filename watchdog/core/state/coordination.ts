/** What many watchdogs need of each other: who sees what, who decides, and who there is at all. */

import type { RegionName } from "../../config/address.ts";
import type { Clock } from "../../util/clock.ts";
import type { HealthState } from "./health.ts";
import type { SiteView } from "./observations.ts";
import type { StateRecord } from "./record.ts";

/** What one watchdog sees of one region, as its own probes add up. */
export interface RegionSighting {
  readonly state: HealthState;
  readonly failuresInARow: number;
  readonly successesInARow: number;
  /** In words, for `status` and `explain`. */
  readonly reason: string;
}

/** What one watchdog tells the others. It vanishes with its lease when the watchdog falls silent. */
export interface Sighting {
  readonly watchdog: string;
  /** The site it stands in: watchdogs of one site count once. */
  readonly site: string;
  readonly regions: Readonly<Record<RegionName, RegionSighting>>;
  /** Wall clock of the watchdog that publishes. */
  readonly atMs: number;
  /** Epoch of the newest record it knows; null when it knows none. */
  readonly epoch: number | null;
  /** Its own copy of the record, told only while that is newer than the store's. */
  readonly copy: StateRecord | null;
}

/** A watchdog that has ever taken part: failsafe needs the word of every one of them. */
export interface KnownWatchdog {
  readonly name: string;
  readonly site: string;
  /** Name of the router beside it; null on a witness. */
  readonly router: string | null;
  /** Where the others reach its failsafe endpoint: an https URL. */
  readonly failsafeUrl: string | null;
}

export type Campaign =
  /**
   * This watchdog decides, until `untilMonotonicMs` on its own monotonic clock at most. Look at the clock again right
   * before acting: the process may have been frozen since.
   */
  | { readonly leading: true; readonly untilMonotonicMs: number }
  /** Another one does; null when the leadership changed hands during the call. */
  | { readonly leading: false; readonly leader: string | null };

/**
 * Coordination of one watchdog with the others. Calls fail with an error of the adapter when the others cannot be
 * reached; a leadership won before then ends at its time.
 */
export interface Coordination {
  /** Publishes what this watchdog sees, in place of what it published before. */
  publish(sighting: Sighting): Promise<void>;
  /** What every live watchdog sees, this one included. */
  sightings(): Promise<readonly Sighting[]>;
  /** Stands for, or stays in, the leadership. Never two lead at once. */
  campaign(): Promise<Campaign>;
  /** Gives the leadership up at once, for an orderly stop. Does nothing when not leading. */
  resign(): Promise<void>;
  /** Adds this watchdog to the known ones, or updates what is known of it. */
  register(self: KnownWatchdog): Promise<void>;
  /** In the order of their names. */
  knownWatchdogs(): Promise<readonly KnownWatchdog[]>;
  /** Takes a watchdog that is gone for good off the list: until then failsafe waits for its word in vain. */
  forget(name: string): Promise<void>;
}

/**
 * What each site says. Watchdogs of one site that see different things make it say no more than "suspect": neither its
 * loss nor its health is certain then.
 */
export function siteViews(sightings: readonly Sighting[]): readonly SiteView[] {
  const views = new Map<string, { readonly regions: Record<RegionName, HealthState>; readonly epoch: number }>();
  for (const { site, regions, epoch } of sightings) {
    const before = views.get(site);
    const states = Object.entries(regions).map(([region, { state }]): [RegionName, HealthState] => {
      const other = before?.regions[region] ?? "unknown";
      return [region, other === "unknown" ? state : state === "unknown" || state === other ? other : "suspect"];
    });
    views.set(site, { regions: Object.fromEntries(states), epoch: Math.max(epoch ?? 0, before?.epoch ?? 0) });
  }
  return [...views].map(([site, view]) => ({ site, ...view }));
}

/** The least time for which a sole watchdog leads at a time, so that its daemon campaigns as any other does. */
const soleTermMs = 60_000;

/** Coordination of a watchdog that is alone (file store): it always leads, and sees what it published itself. */
export function soleCoordination(clock: Clock): Coordination {
  let own: Sighting | null = null;
  const known = new Map<string, KnownWatchdog>();
  return {
    publish: async (sighting) => {
      own = sighting;
    },
    sightings: async () => (own === null ? [] : [own]),
    campaign: async () => ({ leading: true, untilMonotonicMs: clock.monotonicMs() + soleTermMs }),
    resign: async () => {},
    register: async (self) => {
      known.set(self.name, self);
    },
    knownWatchdogs: async () => [...known.values()],
    forget: async (name) => {
      known.delete(name);
    },
  };
}
