import type { ClosingRecord } from "../../state/record.ts";
import type { Condition } from "../rule.ts";

/** Rules ack-or-lease and promise. */
export const routersClosed: Condition<ClosingRecord> = ({ record, seen }) => {
  if (record.filledAtMs !== null) return "the store was filled from a copy: leases from before have to run out first";
  if (seen.promisedForMs > 0) {
    return `this watchdog has let a router go on without the store: its word binds it for ${seen.promisedForMs} ms more`;
  }
  if (seen.routers === null) return "the store does not say which routers hold a lease";
  const open = seen.routers.filter(({ acknowledgedEpoch }) => acknowledgedEpoch < record.epoch);
  return open.length === 0
    ? null
    : `${open.map(({ router }) => router).join(", ")} has not acknowledged epoch ${record.epoch} and still holds a lease`;
};
