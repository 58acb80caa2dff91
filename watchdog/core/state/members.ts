import type { WatchdogConfig } from "../../config/schema.ts";
import type { Member } from "./record.ts";

/** What the others are told of this watchdog. */
export function memberOf({ name, site, router, failsafe }: WatchdogConfig): Member {
  return { name, site, router: router === null ? null : name, failsafeUrl: failsafe?.url ?? null };
}
