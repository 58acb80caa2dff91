import type { RegionName } from "../../../config/address.ts";
import type { HealthState } from "../../state/health.ts";
import type { StateRecord } from "../../state/record.ts";
import { voters } from "../../state/sites.ts";
import type { Situation } from "../../state/situation.ts";

/** null when a majority of all sites is heard from. */
export function majorityPresent({ seen, config }: Situation): string | null {
  const all = voters(config);
  const missing = all.filter((site) => !seen.sites.some((view) => view.site === site));
  const needed = Math.floor(all.length / 2) + 1;
  return all.length - missing.length >= needed ? null : `${missing.join(" and ")} are not heard from`;
}

/**
 * null when a majority of all sites knows the record's epoch (rule known-to-a-majority). Should the store be lost, any
 * majority that fills it anew then holds a copy that says what was begun. A router that has acknowledged the epoch has
 * put the record on its host's disk, too.
 */
export function majorityKnows({ record, seen, config }: Situation<StateRecord>): string | null {
  const all = voters(config);
  const acknowledged = (seen.routers ?? []).filter(({ acknowledgedEpoch }) => acknowledgedEpoch >= record.epoch);
  const sitesOfRouters = record.watchdogs
    .filter(({ router }) => acknowledged.some((lease) => lease.router === router))
    .map(({ site }) => site);
  const told = seen.sites.filter(({ epoch }) => (epoch ?? 0) >= record.epoch).map(({ site }) => site);
  const knowing = new Set([config.site, ...sitesOfRouters, ...told]);
  const needed = Math.floor(all.length / 2) + 1;
  const missing = all.filter((site) => !knowing.has(site));
  return all.length - missing.length >= needed
    ? null
    : `${missing.join(" and ")} do not know of epoch ${record.epoch} yet`;
}

/** null when a majority of all sites (not only of those heard from) sees the region in `state`. */
export function majoritySees(situation: Situation, region: RegionName, state: HealthState): string | null {
  const all = voters(situation.config);
  const agreeing = situation.seen.sites.filter(({ site, regions }) => all.includes(site) && regions[region] === state);
  const needed = Math.floor(all.length / 2) + 1;
  if (agreeing.length >= needed) return null;
  const own = situation.seen.health[region];
  const views = all.map((site) => {
    const view = situation.seen.sites.find((candidate) => candidate.site === site);
    return `${site}: ${view?.regions[region] ?? "not heard from"}`;
  });
  const votes = all.length === 1 ? "" : ` by ${agreeing.length} of the ${needed} sites needed (${views.join(", ")})`;
  return `${region} is not seen ${state}${votes}: ${own?.reason ?? "not probed yet"}`;
}
