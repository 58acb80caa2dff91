import type { RegionName } from "../../../config/address.ts";
import type { HealthState } from "../../state/health.ts";
import type { StateRecord } from "../../state/record.ts";
import { voters } from "../../state/sites.ts";
import type { Situation } from "../../state/situation.ts";

/** Holds when a majority of all sites reports. */
export function majorityPresent({ seen, config }: Situation): string | null {
  const all = voters(config);
  const missing = all.filter((site) => !seen.sites.some((report) => report.site === site));
  const needed = Math.floor(all.length / 2) + 1;
  return all.length - missing.length >= needed ? null : `no report from ${missing.join(" and ")}`;
}

/**
 * Holds when a majority of all sites knows the record's epoch (rule known-to-a-majority). If the store is lost, any
 * majority that fills it again then has a copy with the change under way. A router that has acknowledged the epoch has
 * written the record to its host's disk too.
 */
export function majorityKnows({ record, seen, config }: Situation<StateRecord>): string | null {
  const all = voters(config);
  const acknowledged = (seen.routers ?? []).filter(({ acknowledgedEpoch }) => acknowledgedEpoch >= record.epoch);
  const sitesOfRouters = record.watchdogs
    .filter(({ router }) => acknowledged.some((lease) => lease.router === router))
    .map(({ site }) => site);
  const reporting = seen.sites.filter(({ epoch }) => (epoch ?? 0) >= record.epoch).map(({ site }) => site);
  const knowing = new Set([config.site, ...sitesOfRouters, ...reporting]);
  const needed = Math.floor(all.length / 2) + 1;
  const missing = all.filter((site) => !knowing.has(site));
  return all.length - missing.length >= needed
    ? null
    : `epoch ${record.epoch} is not known to ${missing.join(" and ")} yet`;
}

/** For how long the probes of a majority of all sites have failed, 0 where they do not; null where no majority tells. */
export function majorityFailsForMs({ seen, config }: Situation, region: RegionName): number | null {
  const all = voters(config);
  const failingForMs = seen.sites.flatMap(({ site, failingForMs }) =>
    all.includes(site) ? (failingForMs?.[region] ?? []) : [],
  );
  return failingForMs.toSorted((a, b) => b - a)[Math.floor(all.length / 2)] ?? null;
}

/** Holds when a majority of all sites, not only of those that report, has the region in `state`. */
export function majoritySees(situation: Situation, region: RegionName, state: HealthState): string | null {
  const all = voters(situation.config);
  const agreeing = situation.seen.sites.filter(({ site, regions }) => all.includes(site) && regions[region] === state);
  const needed = Math.floor(all.length / 2) + 1;
  if (agreeing.length >= needed) return null;
  const reason = situation.seen.health[region]?.reason ?? "not probed yet";
  if (all.length === 1) return `${region} is not ${state}: ${reason}`;
  const reports = all.map((site) => {
    const report = situation.seen.sites.find((candidate) => candidate.site === site);
    return `${site}: ${report?.regions[region] ?? "no report"}`;
  });
  return `${region} is ${state} for ${agreeing.length} of the ${needed} sites required (${reports.join(", ")}): ${reason}`;
}
