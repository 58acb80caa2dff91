import type { StateRecord } from "../core/state/record.ts";
import type { WatchdogContext } from "./context.ts";

/**
 * Confirms by a linearizable read of the store that this watchdog is the controller, and that the record is still the one
 * it acts on. What it believes may be of before a pause of its virtual machine: no clock of the host advances meanwhile,
 * so neither its lease nor its self-check shows the pause. To be called right before a request that destroys something.
 *
 * A pause within this last round trip stays possible: no request of Elasticsearch takes a precondition that covers it.
 *
 * @throws Error when either is no longer so, or the store cannot be read
 */
export async function confirmController(
  { actionBlockers, store }: Pick<WatchdogContext, "actionBlockers" | "store">,
  isUnchanged: (record: StateRecord) => boolean,
): Promise<void> {
  const stored = await store.readAsController();
  if (stored === null) throw new Error("interrupted: the store has another controller than this watchdog");
  if (!isUnchanged(stored.record)) {
    throw new Error("interrupted: the record in the store is no longer the one that this watchdog acts on");
  }
  const blockers = actionBlockers();
  if (blockers.length > 0) throw new Error(`interrupted: ${blockers.join("; ")}`);
}
