import type { ClosingRecord } from "../../state/record.ts";
import type { Condition } from "../rule.ts";

/** Rules ack-or-lease and promise. */
export const routersClosed: Condition<ClosingRecord> = ({ record, seen }) => {
  if (record.filledAtMs !== null) return "the store was filled from a copy: earlier leases have to expire first";
  if (seen.promisedForMs > 0) {
    return `a router may stay open without the store: this watchdog's failsafe grant expires in ${seen.promisedForMs} ms`;
  }
  if (seen.routers === null) return "the store does not list the routers that hold a lease";
  const open = seen.routers.filter(({ acknowledgedEpoch }) => acknowledgedEpoch < record.epoch);
  return open.length === 0
    ? null
    : `${open.map(({ router }) => router).join(", ")} has not acknowledged epoch ${record.epoch} and still holds a lease`;
};
