import path from "node:path";
import type { DeletionAuthorization } from "../core/ports/salvage.ts";
import type { IndexState, ShardCheckpoint } from "../core/state/cluster.ts";
import { checkpointOf, type Divergence } from "../core/state/divergence.ts";
import { type Discard, readDiscards } from "./discards.ts";
import type { OldPrimary } from "./ports.ts";
import { exportDirectories, type VerifiedReceipt, verifyReceipt } from "./receipt.ts";

/**
 * The only way to delete indices of an old primary: each has a verified receipt that accounts for all of its current
 * contents, or an operator discarded it by name.
 */

/** An index of the old primary in its current state. */
export interface DeletionCandidate {
  readonly state: IndexState;
  readonly checkpoints: readonly ShardCheckpoint[];
}

export interface Evidence {
  readonly divergence: Divergence;
  readonly clusterUuid: string;
  readonly receipts: readonly VerifiedReceipt[];
  readonly discards: readonly Discard[];
}

/** Pure. All or nothing: one index without proof keeps every index of the request. */
export function judge(candidates: readonly DeletionCandidate[], evidence: Evidence): DeletionAuthorization {
  const refusals = candidates.flatMap((candidate) => {
    const reason = refusalOf(candidate, evidence);
    return reason === null ? [] : [{ index: candidate.state.name, reason }];
  });
  return refusals.length > 0
    ? { refusals }
    : { authorized: candidates.map(({ state: { name, uuid } }) => ({ name, uuid })) };
}

function refusalOf(candidate: DeletionCandidate, evidence: Evidence): string | null {
  const { state } = candidate;
  const isDiscarded = evidence.discards.some(
    (discard) =>
      discard.clusterUuid === evidence.clusterUuid && discard.index === state.name && discard.uuid === state.uuid,
  );
  if (isDiscarded) return null;
  if (!state.writeBlocked) return "it has no write block: writes could follow after any receipt";
  const reasons: string[] = [];
  for (const receipt of evidence.receipts) {
    const reason = gapOf(receipt, candidate, evidence);
    if (reason === null) return null;
    reasons.push(reason);
  }
  return reasons.at(-1) ?? "there is no valid receipt: salvage the region first";
}

/** Why a receipt does not account for all of an index; null when it does. */
function gapOf(receipt: VerifiedReceipt, candidate: DeletionCandidate, evidence: Evidence): string | null {
  const { state } = candidate;
  if (receipt.clusterUuid !== evidence.clusterUuid) return "the receipt is for another cluster";
  const leftOut = receipt.leftOut.find(({ index }) => index === state.name);
  if (leftOut !== undefined) return `the export left it out: ${leftOut.reason}`;
  const exported = receipt.indices.find(({ index, uuid }) => index === state.name && uuid === state.uuid);
  if (exported === undefined) return "the receipt does not list it";
  for (let shard = 0; shard < state.primaries; shard += 1) {
    const current = candidate.checkpoints.filter(
      (checkpoint) => checkpoint.index === state.name && checkpoint.shard === shard,
    );
    const proven = exported.shards.filter((account) => account.shard === shard);
    const [now, then] = [current[0], proven[0]];
    if (now === undefined || current.length !== 1) return `shard ${shard} does not report its sequence numbers`;
    if (then === undefined || proven.length !== 1) return `the receipt does not account for shard ${shard}`;
    if (now.maxSeqNo !== then.maxSeqNo) {
      return `shard ${shard} is at sequence number ${now.maxSeqNo}, the receipt ends at ${then.maxSeqNo}`;
    }
    const replicated = checkpointOf(evidence.divergence, state.name, shard);
    if (then.checkpoint > replicated) {
      return `shard ${shard} was exported from ${then.checkpoint}, but the new primary has it only up to ${replicated}`;
    }
  }
  return null;
}

/**
 * Whether these indices of the old primary may be deleted, by their current state and the exports on this host. Reads
 * the exported files again in full.
 *
 * @throws ClusterError when the old primary does not answer
 */
export async function authorizeDeletion(
  root: string,
  divergence: Divergence,
  oldPrimary: OldPrimary,
  indices: readonly string[],
): Promise<DeletionAuthorization> {
  const probe = await oldPrimary.probe();
  if (!probe.reachable) throw new Error(`${oldPrimary.region}: ${probe.error}`);
  const states = await oldPrimary.indices();
  const unknown = indices.filter((name) => !states.some((state) => state.name === name));
  if (unknown.length > 0) {
    const reason = `${oldPrimary.region} has no managed index of this name`;
    return { refusals: unknown.map((index) => ({ index, reason })) };
  }
  const named = states.filter((state) => indices.includes(state.name));
  const open = named.filter((state) => state.open).map((state) => state.name);
  const checkpoints = open.length === 0 ? [] : await oldPrimary.checkpoints(open);
  return judge(
    named.map((state) => ({ state, checkpoints: checkpoints.filter(({ index }) => index === state.name) })),
    {
      divergence,
      clusterUuid: probe.clusterUuid,
      receipts: await validReceipts(root, divergence.oldRegion),
      discards: await readDiscards(root),
    },
  );
}

async function validReceipts(root: string, region: string): Promise<VerifiedReceipt[]> {
  const receipts: VerifiedReceipt[] = [];
  for (const name of await exportDirectories(root)) {
    const check = await verifyReceipt(path.join(root, name));
    if (check.valid && check.receipt.region === region) receipts.push(check.receipt);
  }
  return receipts;
}
