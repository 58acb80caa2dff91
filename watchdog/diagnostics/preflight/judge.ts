import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { Check } from "./check.ts";
import { clocks } from "./clocks.ts";
import { disk } from "./disk.ts";
import type { PreflightFindings, RegionFindings } from "./findings.ts";
import { licence } from "./licence.ts";
import { remoteConnection, roundTrip } from "./links.ts";
import { retention } from "./retention.ts";
import { snapshots } from "./snapshots.ts";
import { store } from "./store.ts";
import { timing } from "./timing.ts";
import { versions } from "./versions.ts";
import { watchdogs } from "./watchdogs.ts";

/** Would a failover, a rejoin and a switchover work? All checks, in the order in which a person would make them. Pure. */
export function judgePreflight(findings: PreflightFindings, config: WatchdogConfig): readonly Check[] {
  const names = Object.keys(findings.regions);
  const other = (name: RegionName): RegionName => names.find((candidate) => candidate !== name) ?? name;
  const each = (judge: (name: RegionName, region: RegionFindings) => Check): Check[] =>
    Object.entries(findings.regions).map(([name, region]) => judge(name, region));
  return [
    ...each((name, region) => licence(name, region, findings, config)),
    versions(findings),
    ...each((name, region) => remoteConnection(name, other(name), region, config)),
    ...each((name, region) => roundTrip(name, region, config)),
    ...each((name) => disk(name, other(name), findings)),
    ...each((name, region) => retention(name, region, findings)),
    ...Object.entries(findings.regions).flatMap(([name, region]) => snapshots(name, region, findings, config) ?? []),
    ...each((name, region) => clocks(name, region, config)),
    store(findings),
    watchdogs(findings, config),
    timing(findings),
  ];
}
