import type { Divergence } from "../../core/state/divergence.ts";
import { finishedExports } from "../directories.ts";
import { gapOf } from "../gap.ts";
import type { Receipt } from "../receipt.ts";
import type { ReceiptVerifier } from "../verifier.ts";
import type { OldPrimaryState } from "./export-plan.ts";

/** The indices that a valid export accounts for as they are now, by UUID: they need no new one. */
export async function earlierExports(
  root: string,
  verifier: ReceiptVerifier,
  { oldRegion: region }: Divergence,
  { clusterUuid, plan }: OldPrimaryState,
): Promise<ReadonlyMap<string, Receipt>> {
  const planned = new Map(plan.indices.map((index) => [index.uuid, index]));
  const found = new Map<string, Receipt>();
  for await (const { directory, receipt } of finishedExports(root)) {
    const index = planned.get(receipt.uuid);
    if (index === undefined || gapOf(receipt, { region, clusterUuid, index }) !== null) continue;
    if ((await verifier.verify(directory)).valid) found.set(index.uuid, receipt);
  }
  return found;
}
