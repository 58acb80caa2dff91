import type { RegionName } from "../../config/address.ts";
import type { CanaryAnswer } from "../state/canary.ts";

/** The entry that applications use, on the host of this watchdog. */
export interface Entry {
  /**
   * Writes this watchdog's document through the entry, in the index that each region has for canaries, and reads it back.
   * Never throws: a failure is an answer too.
   *
   * @param canary.region the region that the entry should be open to
   * @param canary.token makes the document a new one
   */
  canary(canary: { readonly region: RegionName; readonly token: string }): Promise<CanaryAnswer>;
}
