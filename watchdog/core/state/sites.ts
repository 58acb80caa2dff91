import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { HealthState } from "./health.ts";
import type { WatchdogReport } from "./report.ts";

/** The third site, which holds no data. */
export const WITNESS_SITE = "witness";

/**
 * Sites whose word counts, whether or not they are heard from. With a file store there is one watchdog, so its own site
 * decides alone.
 */
export function voters(config: WatchdogConfig): readonly string[] {
  const { kind } = config.store;
  switch (kind) {
    case "file":
      return [config.site];
    case "etcd":
      return [...Object.keys(config.regions), WITNESS_SITE];
    default:
      throw new Error(`unknown store ${kind satisfies never}`);
  }
}

/** What one site's watchdogs say of each region. A site counts once, however many watchdogs it has. */
export interface SiteReport {
  readonly site: string;
  /** Highest epoch that a watchdog of the site knows, and keeps on its disk. */
  readonly epoch?: number | null;
  readonly regions: Readonly<Record<RegionName, HealthState>>;
}

/**
 * What each site says. Watchdogs of one site that see different things make it say no more than "suspect": neither its
 * loss nor its health is certain then.
 */
export function siteReports(sightings: readonly WatchdogReport[]): readonly SiteReport[] {
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
