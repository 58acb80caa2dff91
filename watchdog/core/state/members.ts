import type { WatchdogConfig } from "../../config/schema.ts";
import type { Member } from "./record.ts";

/** This watchdog as a member: what the record registers of it. */
export function memberOf({ name, site, router, failsafe }: WatchdogConfig): Member {
  return { name, site, router: router === null ? null : name, failsafeUrl: failsafe?.url ?? null };
}
