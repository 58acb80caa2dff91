import type { ServingRecord } from "../../state/record.ts";
import type { Condition } from "../rule.ts";

/** What holds back a change, whatever the regions show. */

export const notPaused: Condition<ServingRecord> = ({ record: { paused } }) =>
  paused === null ? null : `paused by ${paused.by}: ${paused.reason}`;

export const notInBlockPeriod: Condition<ServingRecord> = ({ record: { blockedUntilMs }, nowMs }) =>
  blockedUntilMs === null || nowMs >= blockedUntilMs
    ? null
    : `the last failover blocks another automatic one until ${new Date(blockedUntilMs).toISOString()}`;

/** A file store is this host's alone: another router would hear nothing of a change. */
export const oneRouter: Condition<ServingRecord> = ({ seen, config }) => {
  if (config.store.kind !== "file") return null;
  const others = (seen.routers ?? []).filter(({ router }) => router !== config.name);
  return others.length === 0
    ? null
    : `a file store serves one router, but ${others.map(({ router }) => router).join(", ")} took a lease as well`;
};
