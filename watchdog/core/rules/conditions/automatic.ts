import type { ServingRecord } from "../../state/record.ts";
import type { Condition } from "../rule.ts";

/** What prevents a change whatever the state of the regions is. */

export const notPaused: Condition<ServingRecord> = ({ record: { paused } }) =>
  paused === null ? null : `${paused.by} paused automatic changes: ${paused.reason}`;

export const notInBlockPeriod: Condition<ServingRecord> = ({ record: { blockedUntilMs }, nowMs }) =>
  blockedUntilMs === null || nowMs >= blockedUntilMs
    ? null
    : `the block period of the last failover ends at ${new Date(blockedUntilMs).toISOString()}`;

/** A file store is local to one host: a router of another host would not learn of a change. */
export const oneRouter: Condition<ServingRecord> = ({ seen, config }) => {
  if (config.store.kind !== "file") return null;
  const others = (seen.routers ?? []).filter(({ router }) => router !== config.name);
  return others.length === 0
    ? null
    : `a file store serves one router, but ${others.map(({ router }) => router).join(", ")} holds a lease too`;
};
