import type { WatchdogContext } from "../context.ts";

/** Asks what each member of the store holds: `status` warns before its quota is reached. */
export async function observeSpace({ store, observed }: WatchdogContext): Promise<void> {
  // On failure nothing is known, rather than what held long ago.
  observed.storeSpace = null;
  observed.storeSpace = (await store.space?.()) ?? null;
}
