import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { Observations } from "./observations.ts";
import type { ServingRecord, StateRecord } from "./record.ts";

/** All that a rule decides from: the record (of one phase, or none), what was observed, the time, the configuration. */
export interface Situation<R extends StateRecord | null = StateRecord | null> {
  readonly record: R;
  readonly seen: Observations;
  readonly nowMs: number;
  readonly config: WatchdogConfig;
}

/** The region that is not `region`. */
export function otherRegion(config: WatchdogConfig, region: RegionName): RegionName {
  const other = Object.keys(config.regions).find((name) => name !== region);
  if (other === undefined) throw new Error(`the configuration names no region besides ${region}`);
  return other;
}

/** The region that is not active. */
export const standbyOf = ({ config, record }: Situation<ServingRecord>): RegionName =>
  otherRegion(config, record.active);
