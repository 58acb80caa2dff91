import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { HealthState } from "./health.ts";
import type { WatchdogReport } from "./report.ts";

/** The third site: it votes and holds no data. */
export const WITNESS_SITE = "witness";

/**
 * Sites of which a majority is needed, whether or not they report. With a file store there is one watchdog, so its own
 * site decides alone.
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

/** Health of each region by the watchdogs of one site. A site counts once, however many watchdogs it has. */
export interface SiteReport {
  readonly site: string;
  /** Highest epoch that a watchdog of the site knows and keeps on its disk. */
  readonly epoch?: number | null;
  readonly regions: Readonly<Record<RegionName, HealthState>>;
  /** Why, for the regions that its watchdogs report as unhealthy. */
  readonly unhealthy?: Readonly<Record<RegionName, string>>;
  /**
   * For how long the probes of all its watchdogs have failed, for the regions of which one can tell: 0 where the last one
   * of a watchdog was good, or a watchdog of an older version does not tell. Absent in recordings of older versions.
   */
  readonly failingForMs?: Readonly<Record<RegionName, number>>;
  /** UUIDs of followers whose leaders were deleted, as each watchdog of the site sees it; null: one of them cannot tell. */
  readonly deletedLeaders?: readonly string[] | null;
}

/**
 * The reports of all watchdogs, by site. Where the watchdogs of one site differ about a region, the site reports
 * "suspect": neither the region's loss nor its health is certain then.
 */
export function siteReports(reports: readonly WatchdogReport[]): readonly SiteReport[] {
  const sites = new Map<
    string,
    Omit<Required<SiteReport>, "site" | "epoch" | "failingForMs"> & { readonly epoch: number }
  >();
  for (const { site, regions, epoch, deletedLeaders: deleted = null } of reports) {
    const before = sites.get(site);
    const states = Object.entries(regions).map(([region, { state }]): [RegionName, HealthState] => {
      const other = before?.regions[region] ?? "unknown";
      return [region, other === "unknown" ? state : state === "unknown" || state === other ? other : "suspect"];
    });
    const seen =
      before === undefined ? deleted : (before.deletedLeaders?.filter((uuid) => deleted?.includes(uuid)) ?? null);
    const unhealthy = Object.entries(regions).flatMap(([region, { state, reason }]) =>
      state === "unhealthy" ? [[region, reason] as const] : [],
    );
    sites.set(site, {
      regions: Object.fromEntries(states),
      unhealthy: { ...before?.unhealthy, ...Object.fromEntries(unhealthy) },
      epoch: Math.max(epoch ?? 0, before?.epoch ?? 0),
      deletedLeaders: deleted === null ? null : seen,
    });
  }
  return [...sites].map(([site, report]) => {
    const own = reports.filter((one) => one.site === site);
    return { site, ...report, failingForMs: failingOf(own, Object.keys(report.regions)) };
  });
}

function failingOf(
  reports: readonly WatchdogReport[],
  regions: readonly RegionName[],
): Readonly<Record<RegionName, number>> {
  const failing = regions.flatMap((region): [RegionName, number][] => {
    const told = reports.flatMap((report) => report.regions[region] ?? []).filter(({ state }) => state !== "unknown");
    return told.length === 0 ? [] : [[region, Math.min(...told.map(({ failingForMs }) => failingForMs ?? 0))]];
  });
  return Object.fromEntries(failing);
}
